/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_customer - the import set of the Customer API. Data only; import_table.h defines the members.
 *
 * Files are in an order in which parents come first.
 */
#include "lib/import/import_table.h"

#define KEY_CODE(name, column) {.csv = name, .db = column, .type = IMPORT_CODE, .size = 64, .flags = IMPORT_KEY}
#define KEY_OF(name, column, file) \
    {.csv = name, .db = column, .type = IMPORT_CODE, .size = 64, .flags = IMPORT_KEY, .parent = file}
#define KEY_WANTED(name, column, file) \
    {.csv = name, .db = column, .type = IMPORT_CODE, .size = 64, .flags = IMPORT_KEY, .wanted = file}
#define CODE_OF(name, column, file) \
    {.csv = name, .db = column, .type = IMPORT_CODE, .size = 64, .flags = IMPORT_NULL, .parent = file}
#define CODE_OR_EMPTY(name, column, chars, more) \
    {.csv = name, .db = column, .type = IMPORT_CODE, .size = chars, \
     .flags = IMPORT_EMPTY | IMPORT_TRIM | IMPORT_ABSENT | (more)}
#define TEXT_AS(name, column, chars, more) \
    {.csv = name, .db = column, .type = IMPORT_TEXT, .size = chars, .flags = IMPORT_ABSENT | (more)}
#define TEXT(name, column, chars) TEXT_AS(name, column, chars, 0)
#define LONG_TEXT(name, column) TEXT_AS(name, column, 65535, IMPORT_BYTES)
#define HTML(name, column) TEXT_AS(name, column, 1048576, 0)
#define WORD(name, column, chars) TEXT_AS(name, column, chars, IMPORT_TRIM)
#define URL(name, column) TEXT_AS(name, column, 2048, IMPORT_TRIM | IMPORT_WHOLE)
#define DECIMAL(name, column, digits, decimals, more) \
    {.csv = name, .db = column, .type = IMPORT_DECIMAL, .size = digits, .scale = decimals, .flags = more}
#define MEASURE(name, column, digits) DECIMAL(name, column, digits, 2, IMPORT_ABSENT | IMPORT_ROUND)
#define PERCENT(name, column) \
    {.csv = name, .db = column, .type = IMPORT_DECIMAL, .size = 7, .scale = 4, .most = 100, .flags = IMPORT_ABSENT}
#define FLAG(name, column, more) {.csv = name, .db = column, .type = IMPORT_FLAG, .flags = IMPORT_ABSENT | (more)}
/* What the table computes of a status (sql/customer, is_obsolete). */
#define BLANKS "[\\\\x{9}-\\\\x{d}\\\\x{20}\\\\x{85}\\\\x{a0}\\\\x{1680}\\\\x{180e}\\\\x{2000}-\\\\x{200b}" \
    "\\\\x{2028}\\\\x{2029}\\\\x{202f}\\\\x{205f}\\\\x{2060}\\\\x{3000}\\\\x{feff}]*"
#define OBSOLETE "n.status REGEXP '\\\\A" BLANKS "[Oo][Bb][Ss][Oo][Ll][Ee][Tt][Ee]" BLANKS "\\\\z'"
/* What a PIM has written over HTTPS (sql/customer, product_owner). */
#define OTHERS .others = "product_owner"
#define ANY_PRODUCT_CHANGE OTHERS, .sku = "sku", .revisions = {{"products", NULL, NULL}, {NULL, NULL, NULL}}
#define END {.csv = NULL}

static const import_file files[] = {
    {.file = "products.csv", .table = "product", .rows = "products",
     .columns = {
         KEY_CODE("SKU", "sku"), TEXT("Name", "name", 1000), HTML("Description", "description"),
         HTML("WebsiteDescription", "website_description"),
         CODE_OR_EMPTY("ProductCategoryCode", "product_category_code", 255, 0),
         LONG_TEXT("WashingInstructions", "washing_instructions"), WORD("Gender", "gender", 64),
         WORD("Audience", "audience", 64), WORD("MainColour", "main_colour", 64),
         CODE_OR_EMPTY("Barcode", "barcode", 64, IMPORT_GTIN),
         URL("Photo", "photo"), WORD("Theme", "theme", 255),
         MEASURE("PackagedLength_in_cm", "packaged_length_in_cm", 10),
         MEASURE("PackagedWidth_in_cm", "packaged_width_in_cm", 10),
         MEASURE("PackagedHeight_in_cm", "packaged_height_in_cm", 10),
         MEASURE("PackagedWeight_in_g", "packaged_weight_in_g", 12),
         MEASURE("CartonLength_in_cm", "carton_length_in_cm", 10),
         MEASURE("CartonWidth_in_cm", "carton_width_in_cm", 10),
         MEASURE("CartonHeight_in_cm", "carton_height_in_cm", 10),
         MEASURE("CartonWeight_in_g", "carton_weight_in_g", 12), DECIMAL("CartonQty", "carton_qty", 12, 3, IMPORT_ABSENT),
         CODE_OR_EMPTY("AmazonASIN", "amazon_asin", 64, 0), WORD("CountryOfOrigin", "country_of_origin", 100),
         CODE_OR_EMPTY("Status", "status", 64, 0), CODE_OR_EMPTY("StyleCode", "style_code", 64, 0),
         CODE_OR_EMPTY("CartonBarcode", "carton_barcode", 64, IMPORT_GTIN), CODE_OR_EMPTY("HSCode", "hs_code", 64, 0),
         HTML("WhatsIncluded", "whats_included"),
         LONG_TEXT("ProductCompositionText", "product_composition_text"), END},
     OTHERS, .sku = "sku",
     .revisions = {{"products", NULL, NULL}, {"assortment", "o.is_obsolete <> (" OBSOLETE ")", NULL},
                   {NULL, NULL, NULL}},
     .losses = {{"products on sale", "o.is_obsolete = 0", "NOT (" OBSOLETE ")", 0}}},

    {.file = "product_images.csv", .table = "product_image", .rows = "images",
     .columns = {KEY_OF("SKU", "sku", "products.csv"), KEY_CODE("ImageID", "image_id"),
                 URL("FileName", "file_name"), FLAG("IsPrimaryImage", "is_secondary", IMPORT_NOT), END},
     ANY_PRODUCT_CHANGE,
     .single = "IsPrimaryImage", .single_if = "is_secondary = 0", .single_of = "sku",
     .single_error = "a second primary image"},

    {.file = "product_accessories.csv", .table = "product_accessory", .rows = "accessories",
     .columns = {KEY_OF("SKU", "sku", "products.csv"), KEY_CODE("AccessorySKU", "accessory_sku"), END},
     ANY_PRODUCT_CHANGE},

    {.file = "product_substitutions.csv", .table = "product_substitution", .rows = "substitutions",
     .columns = {KEY_OF("SKU", "sku", "products.csv"), KEY_CODE("SubstituteSKU", "substitute_sku"), END},
     ANY_PRODUCT_CHANGE},

    {.file = "product_composition.csv", .table = "product_composition", .rows = "materials",
     .columns = {KEY_OF("SKU", "sku", "products.csv"), KEY_CODE("MaterialCode", "material_code"),
                 TEXT("MaterialDescription", "material_description", 200),
                 PERCENT("CompositionPercentage", "composition_percentage"), END},
     ANY_PRODUCT_CHANGE},

    {.file = "price_lists.csv", .table = "price_list", .rows = "price lists",
     .columns = {KEY_CODE("PriceListCode", "price_list_code"), TEXT("PriceListName", "price_list_name", 200),
                 {.csv = "CurrencyCode", .db = "currency_code", .type = IMPORT_CURRENCY, .size = 3}, END},
     .scope = "price_list_code", .revisions = {{"prices", NULL, NULL}, {"listing", "0", NULL}, {NULL, NULL, NULL}}},

    {.file = "prices.csv", .table = "price", .rows = "prices",
     .columns = {KEY_OF("PriceListCode", "price_list_code", "price_lists.csv"),
                 KEY_WANTED("SKU", "sku", "products.csv"),
                 DECIMAL("UnitPrice", "unit_price", 12, 4, IMPORT_AMOUNT | IMPORT_PRICE),
                 FLAG("DiscountEligible", "discount_eligible", 0),
                 {.csv = "MOQ", .db = "moq", .type = IMPORT_DECIMAL, .size = 12, .scale = 3,
                  .flags = IMPORT_KEY | IMPORT_ABSENT},
                 DECIMAL("OrderMultiple", "order_multiple", 12, 3, IMPORT_ABSENT), END},
     .scope = "price_list_code", .sku = "sku",
     .revisions = {{"prices", NULL, NULL}, {"listing", "0", "sku"}, {NULL, NULL, NULL}},
     .losses = {{"prices above 0", "o.unit_price > 0", "n.unit_price > 0", 0}}},

    /* The name of a warehouse is never sent; a new one gets its revision row. */
    {.file = "warehouses.csv", .table = "warehouse", .rows = "warehouses",
     .columns = {KEY_CODE("StockLocation", "stock_location"), TEXT("Name", "name", 200), END},
     .scope = "stock_location", .revisions = {{"stock", "0", NULL}, {NULL, NULL, NULL}}},

    {.file = "stock.csv", .table = "stock", .rows = "stock rows",
     .columns = {KEY_WANTED("SKU", "sku", "products.csv"), KEY_OF("StockLocation", "stock_location", "warehouses.csv"),
                 DECIMAL("AvailableQTY", "available_qty", 14, 3, 0),
                 {.csv = "NextAvailableETA", .db = "next_available_eta", .type = IMPORT_DATE,
                  .flags = IMPORT_NULL | IMPORT_ABSENT},
                 END},
     .scope = "stock_location", .sku = "sku", .revisions = {{"stock", NULL, NULL}, {NULL, NULL, NULL}},
     .losses = {{"stock rows with a quantity", "o.available_qty > 0", "n.available_qty > 0", 1}}},

    {.file = "customers.csv", .table = "customer", .rows = "customers",
     .columns = {KEY_CODE("CustomerCode", "customer_code"), TEXT("Name", "name", 200),
                 CODE_OF("PriceListCode", "price_list_code", "price_lists.csv"),
                 CODE_OF("StockLocation", "stock_location", "warehouses.csv"),
                 PERCENT("DiscountPercent", "discount_percent"), END},
     .revisions = {{"customers", NULL, NULL}, {NULL, NULL, NULL}},
     .losses = {{"customers with a price list", "o.price_list_code IS NOT NULL", "n.price_list_code IS NOT NULL", 0},
                {"customers with a warehouse", "o.stock_location IS NOT NULL", "n.stock_location IS NOT NULL", 0}},
     .absent = "absent_since", .give_up = "o.price_list_code = NULL, o.stock_location = NULL",
     .here = "o.absent_since IS NULL OR o.price_list_code IS NOT NULL OR o.stock_location IS NOT NULL",
     .owned = "api_key", .owned_word = "key",
     .apart = "admin_client", .apart_key = "admin_code", .apart_word = "an admin client"},
};

static const import_logged logged[] = {
    {"products", "product", NULL}, {"assortment", "product", NULL}, {"prices", "price", "price_list_code"},
    {"listing", "price", "price_list_code"}, {"stock", "stock", "stock_location"}, {NULL, NULL, NULL}
};

const import_set import_customer_set = {"import", files, sizeof(files) / sizeof(*files),
                                         "SET @kiss_bulk = -CONNECTION_ID()", NULL, NULL, logged};

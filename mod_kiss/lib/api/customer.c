/* SPDX-License-Identifier: Apache-2.0 */
/**
 * customer - the tables of the Customer API: columns, row sets, endpoints, datasets, statements.
 */
#include "lib/api/customer.h"

#include "lib/api/customer_words.h"
#include "lib/api/customer_write.h"
#include "lib/api/statements.h"

static const kiss_row_filter of_price_list[] = {
    { "p.price_list_code = ?", KISS_TERM_PRICE_LIST },
    { 0 }
};

/* Unknown and obsolete SKUs are in none of the lists, so that stock, prices and products always match. */
static const kiss_rowset current = {
    .from = "product t FORCE INDEX (current_sku)",
    .where = "t.is_obsolete = 0",
    .shared = 1,
    .key = "t.sku",
    .order = "t.sku"
};

static const kiss_rowset listed = {
    .from = "price p FORCE INDEX (PRIMARY)",
    .filter = of_price_list,
    .key = "p.sku",
    .order = "p.sku"
};

static const kiss_rowset *const within_current[] = { &current, NULL };
static const kiss_rowset *const within_listed_and_current[] = { &listed, &current, NULL };

static const kiss_column price_columns[] = {
    { "PriceListCode", KISS_TEXT, .term = KISS_TERM_PRICE_LIST },
    { "PriceListName", KISS_TEXT, .term = KISS_TERM_PRICE_LIST_NAME },
    { "CurrencyCode", KISS_TEXT, .term = KISS_TERM_CURRENCY },
    { "SKU", KISS_TEXT, "p.sku", .required = 1 },
    { "PriceExclVAT", KISS_NET_PRICE, "p.unit_price", .flag = "p.discount_eligible" },
    { "MOQ", KISS_QUANTITY, "p.moq" },
    { "OrderMultiple", KISS_QUANTITY, "p.order_multiple" },
    { 0 }
};

static const kiss_rowset joined_prices = {
    .item = "Price",
    .from = "price p STRAIGHT_JOIN product t FORCE INDEX (current_sku) ON t.sku = p.sku",
    .where = "t.is_obsolete = 0",
    .filter = of_price_list,
    .key = "p.sku",
    .order = "p.sku, p.moq",
    .columns = price_columns
};

static const kiss_rowset prices = {
    .item = "Price",
    .from = "price p FORCE INDEX (PRIMARY)",
    .filter = of_price_list,
    .key = "p.sku",
    .order = "p.sku, p.moq",
    .columns = price_columns,
    .semi_join = within_current,
    .driving_keys = &listed,
    .if_short = &joined_prices
};

static const kiss_row_filter of_warehouse[] = {
    { "s.stock_location = ?", KISS_TERM_WAREHOUSE },
    { 0 }
};

static const kiss_row_filter of_price_list_and_warehouse[] = {
    { "p.price_list_code = ?", KISS_TERM_PRICE_LIST },
    { "s.stock_location = ?", KISS_TERM_WAREHOUSE },
    { 0 }
};

static const kiss_column stock_columns[] = {
    { "SKU", KISS_TEXT, "s.sku", .required = 1 },
    { "StockLocation", KISS_TEXT, .term = KISS_TERM_WAREHOUSE },
    { "AvailableQTY", KISS_QUANTITY, "s.available_qty" },
    { "NextAvailableETA", KISS_DATE, "s.next_available_eta", .nullable = 1 },
    { 0 }
};

/* A SKU with several prices occurs several times, with the same stock. */
static const kiss_rowset joined_stock = {
    .item = "Stock",
    .from = "price p STRAIGHT_JOIN product t FORCE INDEX (current_sku) ON t.sku = p.sku"
            " STRAIGHT_JOIN stock s FORCE INDEX (PRIMARY) ON s.sku = p.sku",
    .where = "t.is_obsolete = 0",
    .filter = of_price_list_and_warehouse,
    .key = "p.sku",
    .order = "p.sku",
    .columns = stock_columns,
    .dedup = 1
};

static const kiss_rowset stock = {
    .item = "Stock",
    .from = "stock s FORCE INDEX (PRIMARY)",
    .filter = of_warehouse,
    .key = "s.sku",
    .order = "s.sku",
    .columns = stock_columns,
    .semi_join = within_listed_and_current,
    .driving_keys = &listed,
    .if_short = &joined_stock
};

/* Nested rows are scanned in key order for all callers and merged into the products that the caller may see. */

static const kiss_column image_columns[] = {
    { "ImageID", KISS_TEXT, "i.image_id" },
    { "FileName", KISS_TEXT, "i.file_name" },
    { "IsPrimaryImage", KISS_BOOLEAN, "NOT i.is_secondary" },
    { 0 }
};

static const kiss_rowset images = {
    .item = "ProductImage",
    .from = "product_image i FORCE INDEX (PRIMARY)",
    .shared = 1,
    .key = "i.sku",
    .order = "i.sku, i.is_secondary, i.image_id",
    .columns = image_columns
};

static const kiss_column accessory_columns[] = {
    { "AccessorySKU", KISS_TEXT, "a.accessory_sku" },
    { 0 }
};

static const kiss_rowset accessories = {
    .item = "ProductAccessory",
    .from = "product_accessory a FORCE INDEX (PRIMARY)",
    .shared = 1,
    .key = "a.sku",
    .order = "a.sku, a.accessory_sku",
    .columns = accessory_columns
};

static const kiss_column substitution_columns[] = {
    { "SubstituteSKU", KISS_TEXT, "u.substitute_sku" },
    { 0 }
};

static const kiss_rowset substitutions = {
    .item = "ProductSubstitution",
    .from = "product_substitution u FORCE INDEX (PRIMARY)",
    .shared = 1,
    .key = "u.sku",
    .order = "u.sku, u.substitute_sku",
    .columns = substitution_columns
};

static const kiss_column composition_columns[] = {
    { "MaterialCode", KISS_TEXT, "m.material_code" },
    { "MaterialDescription", KISS_TEXT, "m.material_description" },
    { "CompositionPercentage", KISS_QUANTITY, "m.composition_percentage" },
    { 0 }
};

static const kiss_rowset composition = {
    .item = "ProductComposition",
    .from = "product_composition m FORCE INDEX (PRIMARY)",
    .shared = 1,
    .key = "m.sku",
    .order = "m.sku, m.material_code",
    .columns = composition_columns
};

static const kiss_column product_columns[] = {
    { "SKU", KISS_TEXT, "t.sku", .required = 1 },
    { "Name", KISS_TEXT, "t.name" },
    { "Description", KISS_TEXT, "t.description" },
    { "WebsiteDescription", KISS_TEXT, "t.website_description" },
    { "ProductCategoryCode", KISS_TEXT, "t.product_category_code" },
    { "WashingInstructions", KISS_TEXT, "t.washing_instructions" },
    { "Gender", KISS_TEXT, "t.gender" },
    { "Audience", KISS_TEXT, "t.audience" },
    { "MainColour", KISS_TEXT, "t.main_colour" },
    { "Barcode", KISS_TEXT, "t.barcode" },
    { "Photo", KISS_TEXT, "t.photo" },
    { "Theme", KISS_TEXT, "t.theme" },
    { "PackagedLength_in_cm", KISS_DECIMAL, "t.packaged_length_in_cm" },
    { "PackagedWidth_in_cm", KISS_DECIMAL, "t.packaged_width_in_cm" },
    { "PackagedHeight_in_cm", KISS_DECIMAL, "t.packaged_height_in_cm" },
    { "PackagedWeight_in_g", KISS_DECIMAL, "t.packaged_weight_in_g" },
    { "CartonLength_in_cm", KISS_DECIMAL, "t.carton_length_in_cm" },
    { "CartonWidth_in_cm", KISS_DECIMAL, "t.carton_width_in_cm" },
    { "CartonHeight_in_cm", KISS_DECIMAL, "t.carton_height_in_cm" },
    { "CartonWeight_in_g", KISS_DECIMAL, "t.carton_weight_in_g" },
    { "CartonQty", KISS_QUANTITY, "t.carton_qty" },
    { "AmazonASIN", KISS_TEXT, "t.amazon_asin" },
    { "CountryOfOrigin", KISS_TEXT, "t.country_of_origin" },
    { "Status", KISS_TEXT, "t.status" },
    { "StyleCode", KISS_TEXT, "t.style_code" },
    { "CartonBarcode", KISS_TEXT, "t.carton_barcode" },
    { "HSCode", KISS_TEXT, "t.hs_code" },
    { "WhatsIncluded", KISS_TEXT, "t.whats_included" },
    { "ProductCompositionText", KISS_TEXT, "t.product_composition_text" },
    { "ProductImages", KISS_ROWS, .rows = &images },
    { "ProductAccessories", KISS_ROWS, .rows = &accessories },
    { "ProductSubstitutions", KISS_ROWS, .rows = &substitutions },
    { "ProductComposition", KISS_ROWS, .rows = &composition },
    { "ProductPrices", KISS_ROWS, .rows = &prices },
    { 0 }
};

/* Joined with the price list, because such wide rows must not be read in vain; a SKU with several prices occurs several
 * times. */
static const kiss_rowset products = {
    .item = "Product",
    .from = "price p STRAIGHT_JOIN product t FORCE INDEX (PRIMARY) ON t.sku = p.sku",
    .where = "t.is_obsolete = 0",
    .filter = of_price_list,
    .key = "p.sku",
    .order = "p.sku",
    .columns = product_columns,
    .driving_keys = &listed,
    .dedup = 1
};

/* --- columns of CSV --- */

/* Joined values: a comma within one is written so that importers of shops do not split there. */
#define URLS(list) .array = list, .separator = ",", .comma = "%2C"
#define CODES(list) .array = list, .separator = ",", .comma = "\\,"

#define MEMBER(name) { name, name }
#define PRICE(name) { name, name, KISS_CELL_FIRST, .array = "ProductPrices" }

static const kiss_csv_column product_csv[] = {
    MEMBER("SKU"), MEMBER("Name"), MEMBER("Description"), MEMBER("WebsiteDescription"), MEMBER("ProductCategoryCode"),
    MEMBER("WashingInstructions"), MEMBER("Gender"), MEMBER("Audience"), MEMBER("MainColour"), MEMBER("Barcode"),
    MEMBER("Photo"), MEMBER("Theme"), MEMBER("PackagedLength_in_cm"), MEMBER("PackagedWidth_in_cm"),
    MEMBER("PackagedHeight_in_cm"), MEMBER("PackagedWeight_in_g"), MEMBER("CartonLength_in_cm"),
    MEMBER("CartonWidth_in_cm"), MEMBER("CartonHeight_in_cm"), MEMBER("CartonWeight_in_g"), MEMBER("CartonQty"),
    MEMBER("AmazonASIN"), MEMBER("CountryOfOrigin"), MEMBER("Status"), MEMBER("StyleCode"), MEMBER("CartonBarcode"),
    MEMBER("HSCode"), MEMBER("WhatsIncluded"), MEMBER("ProductCompositionText"),
    { "PrimaryImage", "FileName", KISS_CELL_FIRST, .array = "ProductImages" },
    { "AdditionalImages", "FileName", KISS_CELL_REST, URLS("ProductImages") },
    { "Images", "FileName", KISS_CELL_ALL, URLS("ProductImages") },
    { "Accessories", "AccessorySKU", KISS_CELL_ALL, CODES("ProductAccessories") },
    { "Substitutions", "SubstituteSKU", KISS_CELL_ALL, CODES("ProductSubstitutions") },
    { "Materials", "MaterialDescription", KISS_CELL_ALL, .array = "ProductComposition", .separator = "/" },
    { "Composition", "MaterialDescription", KISS_CELL_ALL, .array = "ProductComposition", .separator = ", ", .comma = "\\,",
      .with = "CompositionPercentage", .joint = "% " },
    PRICE("CurrencyCode"), PRICE("PriceExclVAT"), PRICE("MOQ"), PRICE("OrderMultiple"),
    { "PriceBreaks", "PriceExclVAT", KISS_CELL_ALL, .array = "ProductPrices", .separator = ",", .with = "MOQ",
      .joint = ":" },
    PRICE("PriceListCode"), PRICE("PriceListName"),
    { 0 }
};

static const kiss_csv_column stock_csv[] = {
    MEMBER("SKU"), MEMBER("StockLocation"), MEMBER("AvailableQTY"), MEMBER("NextAvailableETA"),
    { 0 }
};

/* A SKU with several prices has one record: that of the least quantity, and all of them in one cell. */
static const kiss_csv_column price_csv[] = {
    MEMBER("SKU"), MEMBER("PriceListCode"), MEMBER("PriceListName"), MEMBER("CurrencyCode"), MEMBER("PriceExclVAT"),
    MEMBER("MOQ"), MEMBER("OrderMultiple"),
    { "PriceBreaks", "PriceExclVAT", KISS_CELL_ALL, .separator = ",", .with = "MOQ", .joint = ":" },
    { 0 }
};

#define SAYS(group, short_text, text) .tag = group, .summary = short_text, .description = text

static const kiss_endpoint endpoints[] = {
    { "token", KISS_POST, "/auth/token", KISS_AUTH_CLIENT, KISS_RUN_TOKEN,
      SAYS("Access", "Get an access token",
           "OAuth 2.0 client credentials (RFC 6749 section 4.4). The credentials may stand in `Authorization: Basic` instead of"
           " the form. Use one token for all calls until some minutes before it expires, and get another one, once, after a"
           " 401.") },
    { "products", KISS_GET, "/products", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &products,
      KISS_DATA_PRODUCTS | KISS_DATA_ASSORTMENT | KISS_DATA_PRICES,
      SAYS("Catalogue", "List all products",
           "Every product of the customer's price list that is not obsolete, in the order of `SKU` by code point.") },
    { "products-ndjson", KISS_GET, "/products.ndjson", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &products,
      KISS_DATA_PRODUCTS | KISS_DATA_ASSORTMENT | KISS_DATA_PRICES, KISS_FORMAT_NDJSON, NULL, "/products",
      SAYS("Catalogue", "List all products as NDJSON", "The rows of `/products`, one a line.") },
    { "products-csv", KISS_GET, "/products.csv", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &products,
      KISS_DATA_PRODUCTS | KISS_DATA_ASSORTMENT | KISS_DATA_PRICES, KISS_FORMAT_CSV, product_csv, "/products",
      SAYS("Catalogue", "List all products as CSV",
           "A record for each row of `/products`. Arrays are joined in cells; of several prices those of the least quantity have cells of their own.") },
    { "products-csv-bom", KISS_GET, "/products.bom.csv", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &products,
      KISS_DATA_PRODUCTS | KISS_DATA_ASSORTMENT | KISS_DATA_PRICES, KISS_FORMAT_CSV_BOM, product_csv, "/products",
      SAYS("Catalogue", "List all products as CSV for spreadsheets", "`/products.csv` with a byte order mark.") },
    { "products-schema", KISS_GET, "/products/schema", KISS_AUTH_TOKEN, KISS_RUN_SCHEMA, &products, .about = "/products",
      SAYS("Catalogue", "Describe the fields of products",
           "The fields of `/products`, in their order. Names have their first letter lowered.") },
    { "stock", KISS_GET, "/stock", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &stock,
      KISS_DATA_ASSORTMENT | KISS_DATA_LISTING | KISS_DATA_STOCK,
      SAYS("Stock", "List the stock of all products",
           "The stock of the customer's warehouse for the products of `/products`, in the order of `SKU` by code point. A product"
           " without a record of stock has no row.") },
    { "stock-ndjson", KISS_GET, "/stock.ndjson", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &stock,
      KISS_DATA_ASSORTMENT | KISS_DATA_LISTING | KISS_DATA_STOCK, KISS_FORMAT_NDJSON, NULL, "/stock",
      SAYS("Stock", "List the stock of all products as NDJSON", "The rows of `/stock`, one a line.") },
    { "stock-csv", KISS_GET, "/stock.csv", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &stock,
      KISS_DATA_ASSORTMENT | KISS_DATA_LISTING | KISS_DATA_STOCK, KISS_FORMAT_CSV, stock_csv, "/stock",
      SAYS("Stock", "List the stock of all products as CSV",
           "A record for each row of `/stock`.") },
    { "stock-csv-bom", KISS_GET, "/stock.bom.csv", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &stock,
      KISS_DATA_ASSORTMENT | KISS_DATA_LISTING | KISS_DATA_STOCK, KISS_FORMAT_CSV_BOM, stock_csv, "/stock",
      SAYS("Stock", "List the stock of all products as CSV for spreadsheets", "`/stock.csv` with a byte order mark.") },
    { "stock-schema", KISS_GET, "/stock/schema", KISS_AUTH_TOKEN, KISS_RUN_SCHEMA, &stock, .about = "/stock",
      SAYS("Stock", "Describe the fields of stock",
           "The fields of `/stock`, in their order. Names have their first letter lowered.") },
    { "prices", KISS_GET, "/prices", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &prices,
      KISS_DATA_ASSORTMENT | KISS_DATA_PRICES,
      SAYS("Prices", "List the customer's prices",
           "The customer's price list with the discount applied, in the order of `SKU` by code point. A product may have"
           " several prices, which differ in `MOQ`.") },
    { "prices-ndjson", KISS_GET, "/prices.ndjson", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &prices,
      KISS_DATA_ASSORTMENT | KISS_DATA_PRICES, KISS_FORMAT_NDJSON, NULL, "/prices",
      SAYS("Prices", "List the customer's prices as NDJSON", "The rows of `/prices`, one a line.") },
    { "prices-csv", KISS_GET, "/prices.csv", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &prices,
      KISS_DATA_ASSORTMENT | KISS_DATA_PRICES, KISS_FORMAT_CSV, price_csv, "/prices",
      SAYS("Prices", "List the customer's prices as CSV",
           "A record for each SKU of `/prices`: the price of the least quantity, and all prices in `PriceBreaks`.") },
    { "prices-csv-bom", KISS_GET, "/prices.bom.csv", KISS_AUTH_CUSTOMER, KISS_RUN_LIST, &prices,
      KISS_DATA_ASSORTMENT | KISS_DATA_PRICES, KISS_FORMAT_CSV_BOM, price_csv, "/prices",
      SAYS("Prices", "List the customer's prices as CSV for spreadsheets", "`/prices.csv` with a byte order mark.") },
    /* A SKU may contain a slash. */
    { "admin-product", KISS_GET, "/admin/products/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_product, .params = kiss_customer_write_sku,
      SAYS("Writing", "Get a product", "As it is now, whosever it is, obsolete or not.") },
    { "admin-product-put", KISS_PUT, "/admin/products/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_product, .params = kiss_customer_write_sku,
      SAYS("Writing", "Replace a product",
           "What is absent keeps its value. What is the same is not written: without any difference nothing changes, and no"
           " customer gets another list.") },
    { "admin-product-delete", KISS_DELETE, "/admin/products/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_product, .params = kiss_customer_write_sku,
      SAYS("Writing", "Remove a product",
           "With its images, accessories, substitutions and compositions. Prices and stock stay, in no list until there is such"
           " a product again.") },
    { "admin-products-post", KISS_POST, "/admin/products", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_product,
      SAYS("Writing", "Create a product", "One that is there already is not changed: 409.") },
    { "admin-products", KISS_GET, "/admin/products", KISS_AUTH_ADMIN, KISS_RUN_WRITE_LIST,
      .write = &kiss_customer_write_product, .params = kiss_customer_write_page,
      SAYS("Writing", "List products", "A page of all products, in the order of `sku` by code point. `next` is the path of the"
           " next page.") },
    { "admin-price", KISS_GET, "/admin/prices/*priceListCode/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_price, .params = kiss_customer_write_listed,
      SAYS("Writing", "Get the prices of a product", "Those of one price list; they differ in `moq`.") },
    { "admin-price-put", KISS_PUT, "/admin/prices/*priceListCode/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_price, .params = kiss_customer_write_listed,
      SAYS("Writing", "Set the prices of a product", "All those of one price list. With a price the product is in that list.") },
    { "admin-price-delete", KISS_DELETE, "/admin/prices/*priceListCode/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_price, .params = kiss_customer_write_listed,
      SAYS("Writing", "Remove the prices of a product", "All those of one price list, which does not have the product then.") },
    { "admin-stock", KISS_GET, "/admin/stock/*stockLocation/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_stock, .params = kiss_customer_write_stored,
      SAYS("Writing", "Get the stock of a product", "That of one warehouse.") },
    { "admin-stock-put", KISS_PUT, "/admin/stock/*stockLocation/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_stock, .params = kiss_customer_write_stored,
      SAYS("Writing", "Set the stock of a product", "That of one warehouse. What is absent keeps its value.") },
    { "admin-stock-delete", KISS_DELETE, "/admin/stock/*stockLocation/*sku", KISS_AUTH_ADMIN, KISS_RUN_WRITE,
      .write = &kiss_customer_write_stock, .params = kiss_customer_write_stored,
      SAYS("Writing", "Remove the stock of a product", "That of one warehouse.") },
    { "admin-stocks-patch", KISS_PATCH, "/admin/stock", KISS_AUTH_ADMIN, KISS_RUN_WRITE_BULK,
      .write = &kiss_customer_write_stock,
      SAYS("Writing", "Set the stock of many products",
           "All rows or none: each one with a fault is named. What is the same is not written. As a JSON array, or as NDJSON"
           " (`application/x-ndjson`); at most 10,000 rows a request.") },
    { "admin-openapi", KISS_GET, "/admin/openapi.json", KISS_AUTH_ADMIN, KISS_RUN_OPENAPI,
      SAYS("Service", "Get this document", "The OpenAPI document of the admin endpoints.") },
    { "version", KISS_GET, "/api/version", KISS_AUTH_NONE, KISS_RUN_VERSION,
      SAYS("Service", "Get the version of the API",
           "The profile that this server has. A new field or endpoint keeps it; what removes something, or changes a meaning,"
           " changes it.") },
    /* An issuer, or an audience, with a path has its document below the well-known path. */
    { "server-metadata", KISS_GET, "/.well-known/oauth-authorization-server", KISS_AUTH_PUBLIC, KISS_RUN_SERVER_METADATA,
      SAYS("Access", "Get the metadata of the authorization server",
           "The metadata of the token endpoint (RFC 8414), for clients that are configured with the issuer only. Not limited.") },
    { "server-metadata-path", KISS_GET, "/.well-known/oauth-authorization-server/*path", KISS_AUTH_PUBLIC,
      KISS_RUN_SERVER_METADATA },
    { "resource-metadata", KISS_GET, "/.well-known/oauth-protected-resource", KISS_AUTH_PUBLIC, KISS_RUN_RESOURCE_METADATA,
      SAYS("Access", "Get the metadata of the protected resource",
           "The metadata of this API (RFC 9728): its authorization server. Not limited.") },
    { "resource-metadata-path", KISS_GET, "/.well-known/oauth-protected-resource/*path", KISS_AUTH_PUBLIC,
      KISS_RUN_RESOURCE_METADATA },
    { "health", KISS_GET, "/health", KISS_AUTH_NONE, KISS_RUN_HEALTH,
      SAYS("Service", "Check whether the service works", "Whether the service and its database can answer.") },
    { "openapi", KISS_GET, "/openapi.json", KISS_AUTH_NONE, KISS_RUN_OPENAPI,
      SAYS("Service", "Get this document", "The OpenAPI document of this API.") },
    { 0 }
};

/* The tables of sql/customer/, and the revisions that their triggers raise. */
static const kiss_dataset datasets[] = {
    { "admin_client" },
    { "admin_key" },
    { "api_key" },
    { "change_log", .unrevised = 1 },
    { "customer" },
    { "key_usage", .unrevised = 1 },
    { "price", .data = KISS_DATA_PRICES | KISS_DATA_LISTING },
    { "price_list" },
    { "product", .data = KISS_DATA_PRODUCTS | KISS_DATA_ASSORTMENT },
    { "product_accessory", .data = KISS_DATA_PRODUCTS },
    { "product_composition", .data = KISS_DATA_PRODUCTS },
    { "product_image", .data = KISS_DATA_PRODUCTS },
    { "product_substitution", .data = KISS_DATA_PRODUCTS },
    { "revision", .unrevised = 1 },
    { "stock", .data = KISS_DATA_STOCK },
    { "warehouse" },
    { 0 }
};

static const kiss_fixed_statement statements[KISS_SQL_FIXED] = {
    [KISS_SQL_STATE] = { 1, KISS_STATE_SQL },
    /* One row per customer, with every revision that its answers can depend on. A customer without price list or warehouse
     * has NULL there. The identifiers are columns of sql/customer/. */
    [KISS_SQL_CALLER] = { KISS_CALLER_COLUMNS,
        "SELECT c.customer_code, c.enabled AND c.absent_since IS NULL, c.discount_percent, c.limit_minute, c.limit_hour,"
        " c.price_list_code, l.price_list_name, l.currency_code, c.stock_location, e.n, rp.n, ra.n, rl.n, rg.n, rs.n,"
        " (" KISS_STATE_SQL ")"
        " FROM customer c"
        " LEFT JOIN revision e ON e.dataset = 'epoch' AND e.scope = ''"
        " LEFT JOIN revision rp ON rp.dataset = 'products' AND rp.scope = ''"
        " LEFT JOIN revision ra ON ra.dataset = 'assortment' AND ra.scope = ''"
        " LEFT JOIN price_list l ON l.price_list_code = c.price_list_code"
        " LEFT JOIN revision rl ON rl.dataset = 'prices' AND rl.scope = c.price_list_code"
        " LEFT JOIN revision rg ON rg.dataset = 'listing' AND rg.scope = c.price_list_code"
        " LEFT JOIN revision rs ON rs.dataset = 'stock' AND rs.scope = c.stock_location"
        " WHERE c.customer_code = ?" },
    [KISS_SQL_CREDENTIALS] = { KISS_CRED_COLUMNS,
        "SELECT c.enabled AND c.absent_since IS NULL, c.limit_minute, c.limit_hour, k.key_id, k.hash,"
        " u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE,"
        " TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), k.expires_at), (" KISS_STATE_SQL ")"
        " FROM customer c"
        " LEFT JOIN api_key k ON k.customer_code = c.customer_code AND k.revoked_at IS NULL"
        " AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP(6))"
        " LEFT JOIN key_usage u ON u.key_id = k.key_id"
        " WHERE c.customer_code = ?" },
    [KISS_SQL_KEY_USED] = { 0, KISS_KEY_USED_SQL },
    /* No row if a revision is missing, without which requests fail. */
    [KISS_SQL_HEALTH] = { 1,
        "SELECT 1 FROM revision e"
        " JOIN revision rp ON rp.dataset = 'products' AND rp.scope = ''"
        " JOIN revision ra ON ra.dataset = 'assortment' AND ra.scope = ''"
        " JOIN revision rc ON rc.dataset = 'customers' AND rc.scope = ''"
        " JOIN revision rk ON rk.dataset = 'keys' AND rk.scope = ''"
        " WHERE e.dataset = 'epoch' AND e.scope = '' AND NOT EXISTS (SELECT 1 FROM price_list l"
        " LEFT JOIN revision rl ON rl.dataset = 'prices' AND rl.scope = l.price_list_code"
        " LEFT JOIN revision rg ON rg.dataset = 'listing' AND rg.scope = l.price_list_code"
        " WHERE rl.n IS NULL OR rg.n IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM warehouse w"
        " LEFT JOIN revision rs ON rs.dataset = 'stock' AND rs.scope = w.stock_location WHERE rs.n IS NULL)" },
    [KISS_SQL_CHANGES] = { KISS_CHANGE_COLUMNS,
        "SELECT n, prev, sku FROM change_log WHERE dataset = ? AND scope = ? AND n > CAST(? AS UNSIGNED)"
        " AND n <= CAST(? AS UNSIGNED) ORDER BY n DESC LIMIT ?" },
    [KISS_SQL_ADMIN] = { KISS_ADMIN_COLUMNS,
        "SELECT a.admin_code, a.enabled, a.limit_minute, a.limit_hour, (" KISS_STATE_SQL ")"
        " FROM admin_client a WHERE a.admin_code = ?" },
    [KISS_SQL_ADMIN_CREDENTIALS] = { KISS_CRED_COLUMNS,
        "SELECT a.enabled, a.limit_minute, a.limit_hour, k.key_id, k.hash, 0,"
        " TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), k.expires_at), (" KISS_STATE_SQL ")"
        " FROM admin_client a"
        " LEFT JOIN admin_key k ON k.admin_code = a.admin_code AND k.revoked_at IS NULL"
        " AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP(6))"
        " WHERE a.admin_code = ?" }
};

const kiss_api kiss_customer_api = {
    .name = "customer",
    .profile = "2026-04",
    .schema_version = 5,
    .auth = KISS_AUTH_JWT,
    .credential = "Authorization",
    .meter = KISS_METER_FIXED_WINDOWS,
    .request_id = KISS_ID_BASE64URL,
    .endpoints = endpoints,
    .words = &kiss_customer_words,
    .datasets = datasets,
    .statements = statements
};

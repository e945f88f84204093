/* SPDX-License-Identifier: Apache-2.0 */
/**
 * customer_write - the tables of what admin clients write in the Customer API. Data only.
 *
 * The names are those of the PIM connector that is known (doc/admin.md): the names of the API with their first letter
 * lowered, as in its schema answers, and of the arrays shorter ones.
 */
#include "lib/api/customer_write.h"

static const kiss_write_member product_members[] = {
    { "sku", "SKU" },
    { "name", "Name" },
    { "description", "Description" },
    { "websiteDescription", "WebsiteDescription" },
    { "productCategoryCode", "ProductCategoryCode" },
    { "washingInstructions", "WashingInstructions" },
    { "gender", "Gender" },
    { "audience", "Audience" },
    { "mainColour", "MainColour" },
    { "barcode", "Barcode" },
    { "photo", "Photo" },
    { "theme", "Theme" },
    { "packagedLength_in_cm", "PackagedLength_in_cm" },
    { "packagedWidth_in_cm", "PackagedWidth_in_cm" },
    { "packagedHeight_in_cm", "PackagedHeight_in_cm" },
    { "packagedWeight_in_g", "PackagedWeight_in_g" },
    { "cartonLength_in_cm", "CartonLength_in_cm" },
    { "cartonWidth_in_cm", "CartonWidth_in_cm" },
    { "cartonHeight_in_cm", "CartonHeight_in_cm" },
    { "cartonWeight_in_g", "CartonWeight_in_g" },
    { "cartonQty", "CartonQty" },
    { "amazonASIN", "AmazonASIN" },
    { "countryOfOrigin", "CountryOfOrigin" },
    { "status", "Status" },
    { "styleCode", "StyleCode" },
    { "cartonBarcode", "CartonBarcode" },
    { "hSCode", "HSCode" },
    { "whatsIncluded", "WhatsIncluded" },
    { "productCompositionText", "ProductCompositionText" },
    { 0 }
};

static const kiss_write_member image_members[] = {
    { "imageID", "ImageID" },
    { "fileName", "FileName" },
    { "isPrimaryImage", "IsPrimaryImage" },
    { 0 }
};

static const kiss_write_member accessory_members[] = {
    { "accessorySKU", "AccessorySKU" },
    { 0 }
};

static const kiss_write_member substitution_members[] = {
    { "substituteSKU", "SubstituteSKU" },
    { 0 }
};

static const kiss_write_member composition_members[] = {
    { "materialCode", "MaterialCode" },
    { "materialDescription", "MaterialDescription" },
    { "compositionPercentage", "CompositionPercentage" },
    { 0 }
};

static const kiss_write_member price_members[] = {
    { "priceListCode", "PriceListCode" },
    { "unitPrice", "UnitPrice" },
    { "discountEligible", "DiscountEligible" },
    { "moq", "MOQ" },
    { "orderMultiple", "OrderMultiple" },
    { 0 }
};

static const kiss_write_rows product_rows[] = {
    { "images", "product_images.csv", image_members },
    { "accessories", "product_accessories.csv", accessory_members },
    { "substitutions", "product_substitutions.csv", substitution_members },
    { "compositions", "product_composition.csv", composition_members },
    { "prices", "prices.csv", price_members },
    { 0 }
};

const kiss_writeset kiss_customer_write_product = {
    .item = "product",
    .items = "products",
    .keys = 1,
    .file = "products.csv",
    .members = product_members,
    .nested = product_rows,
    .owner = "product_owner"
};

static const kiss_write_member price_keys[] = {
    { "priceListCode", "PriceListCode" },
    { "sku", "SKU" },
    { 0 }
};

static const kiss_write_member break_members[] = {
    { "unitPrice", "UnitPrice" },
    { "discountEligible", "DiscountEligible" },
    { "moq", "MOQ" },
    { "orderMultiple", "OrderMultiple" },
    { 0 }
};

static const kiss_write_rows price_rows[] = {
    { "prices", "prices.csv", break_members },
    { 0 }
};

const kiss_writeset kiss_customer_write_price = {
    .item = "price",
    .file = "prices.csv",
    .members = price_keys,
    .keys = 2,
    .rows_only = 1,
    .upsert = 1,
    .nested = price_rows
};

static const kiss_write_member stock_members[] = {
    { "stockLocation", "StockLocation" },
    { "sku", "SKU" },
    { "availableQTY", "AvailableQTY" },
    { "nextAvailableETA", "NextAvailableETA" },
    { 0 }
};

const kiss_writeset kiss_customer_write_stock = {
    .item = "stock",
    .file = "stock.csv",
    .members = stock_members,
    .keys = 2,
    .upsert = 1
};

#define IN_PATH(param) { .name = param, .type = KISS_PARAM_TEXT, .required = 1 }

const kiss_param kiss_customer_write_sku[] = { IN_PATH("sku"), { 0 } };
const kiss_param kiss_customer_write_listed[] = { IN_PATH("priceListCode"), IN_PATH("sku"), { 0 } };
const kiss_param kiss_customer_write_stored[] = { IN_PATH("stockLocation"), IN_PATH("sku"), { 0 } };
const kiss_param kiss_customer_write_page[] = {
    { .name = "after", .type = KISS_PARAM_TEXT },
    { .name = "limit", .type = KISS_PARAM_COUNT, .fallback = "100" },
    { 0 }
};

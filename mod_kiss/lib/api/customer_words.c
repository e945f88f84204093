/* SPDX-License-Identifier: Apache-2.0 */
/**
 * customer_words - title, groups and meanings of names in the Customer API's OpenAPI document.
 */
#include "lib/api/customer_words.h"

#include <stddef.h>

static const kiss_word tags[] = {
    { "Access", "Access tokens (OAuth 2.0 client credentials)." },
    { "Catalogue", "Products with their texts, sizes, images, related products, composition and prices." },
    { "Stock", "What can be ordered now, and when more is expected." },
    { "Prices", "The customer's price list." },
    { "Writing", "Product data written by a product information system." },
    { "Service", "Version, health and description of this API." },
    { 0 }
};

static const kiss_word words[] = {
    { "SKU", "Product code." },
    { "Name", "Name of the product." },
    { "Description", "Description for the trade." },
    { "WebsiteDescription", "Description for web shops." },
    { "ProductCategoryCode", "Code of the category." },
    { "WashingInstructions", "How to wash it." },
    { "Gender", "For whom it is made." },
    { "Audience", "Age group for which it is made." },
    { "MainColour", "The main colour." },
    { "Barcode", "GTIN of the retail pack." },
    { "Photo", "URL of a photo." },
    { "Theme", "Theme of the product." },
    { "PackagedLength_in_cm", "Length of the retail pack in centimetres; 2 decimals." },
    { "PackagedWidth_in_cm", "Width of the retail pack in centimetres; 2 decimals." },
    { "PackagedHeight_in_cm", "Height of the retail pack in centimetres; 2 decimals." },
    { "PackagedWeight_in_g", "Weight of the retail pack in grams; 2 decimals." },
    { "CartonLength_in_cm", "Length of the carton in centimetres; 2 decimals." },
    { "CartonWidth_in_cm", "Width of the carton in centimetres; 2 decimals." },
    { "CartonHeight_in_cm", "Height of the carton in centimetres; 2 decimals." },
    { "CartonWeight_in_g", "Weight of the carton in grams; 2 decimals." },
    { "CartonQty", "Pieces in a carton." },
    { "AmazonASIN", "ASIN of the product at Amazon." },
    { "CountryOfOrigin", "Country of origin (ISO 3166-1 alpha-2)." },
    { "Status", "`ACTIVE` and others; obsolete products are left out." },
    { "StyleCode", "Code that the variants of one style share." },
    { "CartonBarcode", "GTIN of the carton." },
    { "HSCode", "Customs tariff number." },
    { "WhatsIncluded", "What the pack contains." },
    { "ProductCompositionText", "Composition as text." },
    { "ProductImages", "Images, the primary one first." },
    { "ProductAccessories", "Accessories of the catalogue; some may not be in this list." },
    { "ProductSubstitutions", "Substitutes of the catalogue; some may not be in this list." },
    { "ProductComposition", "Composition by material." },
    { "ProductPrices", "Prices as in `/prices`." },
    { "ImageID", "Identifies the image." },
    { "FileName", "Name of a file, or a URL." },
    { "IsPrimaryImage", "Whether it is the primary image." },
    { "AccessorySKU", "Product code of the accessory." },
    { "SubstituteSKU", "Product code of the substitute." },
    { "MaterialCode", "Code of the material." },
    { "MaterialDescription", "Name of the material." },
    { "CompositionPercentage", "Its part of the whole, 0 to 100." },
    { "PriceListCode", "Code of the customer's price list; the same in each row." },
    { "PriceListName", "Name of the price list." },
    { "CurrencyCode", "Currency (ISO 4217)." },
    { "PriceExclVAT", "Net price of a piece, discount applied; 4 decimals. Read it as text or as a decimal where sums must be exact." },
    { "MOQ", "Minimum quantity of an order." },
    { "OrderMultiple", "Orders are multiples of this quantity." },
    { "UnitPrice", "Price of a piece, without discount; 4 decimals." },
    { "DiscountEligible", "Whether discounts of customers apply." },
    { "images", "Images." },
    { "accessories", "Accessories." },
    { "substitutions", "Substitutes." },
    { "compositions", "Composition by material." },
    { "prices", "Prices of all price lists." },
    { "?priceListCode", "Code of the price list." },
    { "?stockLocation", "Code of the warehouse." },
    { "?after", "The `sku` after which the page begins; absent: the first page." },
    { "?limit", "Products of a page; a number above 500 is lowered to 500." },
    { "?sku", "Product code. A blank may be `%20` or `+`, a plus is `%2B`." },
    { "StockLocation", "Code of the warehouse; the same in each row." },
    { "AvailableQTY", "What can be ordered now; 0: out of stock." },
    { "NextAvailableETA", "When more is expected (`YYYY-MM-DD`); null: not known." },
    { 0 }
};

const kiss_words kiss_customer_words = {
    .title = "Kiss Customer API",
    .description =
        "The products, stock and prices of one customer. The access token identifies the customer: no endpoint has"
        " parameters.\n\n"
        "**Lists** are sent whole, from one moment of the database, with a strong `ETag`. Send it in `If-None-Match` with the"
        " next request: the answer is 304 while nothing has changed. With `A-IM: sku-delta` (RFC 3229) it may be 226, the changes"
        " since that version.\n\n"
        "**Numbers** are JSON numbers with the digits that the descriptions name; a reader that turns them into binary"
        " fractions keeps their value, but not their digits. New fields may be added at any time: ignore what is not"
        " known.\n\n"
        "**Limits** apply to each customer, for a minute and for an hour. After a 429 wait for `Retry-After` seconds, which always"
        " suffices.\n\n"
        "HEAD is answered wherever GET is. `Accept-Encoding: gzip` and `Range` are supported for lists.",
    .admin_title = "Kiss Customer API: writing product data",
    .admin_description =
        "For a product information system. The token is that of an admin client, which is no customer: no list is its own.\n\n"
        "Values are checked by the rules of the import of files. All faults of a body are named in one answer, unknown members"
        " among them, and then nothing is changed. With `If-Match` an object is only written in the state that was read.\n\n"
        "What was written is in the next list of every customer. After a 429 or 503 wait for `Retry-After` seconds.",
    .tags = tags,
    .words = words
};

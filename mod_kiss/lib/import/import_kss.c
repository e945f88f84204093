/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_kss - the import set of the KSS API: a distributor's data. Data only; import_table.h
 * defines the members.
 *
 * Columns are named as the fields of the API are, else as those of the table. A column whose macro does
 * not require it may be absent. Files are in an order in which parents come first.
 */
#include "lib/import/import_table.h"

/* Keys, and columns that every row must have. */
#define ID(name, column) {.csv = name, .db = column, .type = IMPORT_INT, .size = 4, .flags = IMPORT_KEY}
#define BIG_ID(name, column) {.csv = name, .db = column, .type = IMPORT_INT, .size = 8, .flags = IMPORT_KEY}
#define ID_OF(name, column, file) \
    {.csv = name, .db = column, .type = IMPORT_INT, .size = 4, .flags = IMPORT_KEY, .parent = file}
#define BIG_ID_OF(name, column, file) \
    {.csv = name, .db = column, .type = IMPORT_INT, .size = 8, .flags = IMPORT_KEY, .parent = file}
#define STATE_KEY {.csv = "State", .db = "state", .type = IMPORT_CODE, .size = 8, .flags = IMPORT_KEY | IMPORT_UPPER}
#define OF(name, column, file) {.csv = name, .db = column, .type = IMPORT_INT, .size = 4, .parent = file}
#define BIG_OF(name, column, file) {.csv = name, .db = column, .type = IMPORT_INT, .size = 8, .parent = file}
#define NEED_WORD(name, column, list) {.csv = name, .db = column, .type = IMPORT_WORD, .words = list}
#define NEED_TIME(name, column) {.csv = name, .db = column, .type = IMPORT_TIME}
#define NEED_DATE(name, column) {.csv = name, .db = column, .type = IMPORT_DATE}
#define NEED_NUMBER(name, column) \
    {.csv = name, .db = column, .type = IMPORT_CODE, .size = 64, .flags = IMPORT_UNIQUE}

/* Columns with a default. */
#define NUMBER(name, column) {.csv = name, .db = column, .type = IMPORT_INT, .size = 4, .flags = IMPORT_OPTIONAL}
#define BIG_NUMBER(name, column) {.csv = name, .db = column, .type = IMPORT_INT, .size = 8, .flags = IMPORT_OPTIONAL}
#define DECIMAL(name, column, digits, decimals) \
    {.csv = name, .db = column, .type = IMPORT_DECIMAL, .size = digits, .scale = decimals, \
     .flags = IMPORT_OPTIONAL | IMPORT_SIGNED}
#define DECIMAL_AS(name, column, digits, decimals, more) \
    {.csv = name, .db = column, .type = IMPORT_DECIMAL, .size = digits, .scale = decimals, \
     .flags = IMPORT_OPTIONAL | IMPORT_SIGNED | (more)}
#define MONEY(name, column) DECIMAL(name, column, 18, 6)
#define UNITS(name, column) DECIMAL(name, column, 14, 2)
/* What somebody owes or pays: an empty cell would be money given away. */
#define AMOUNT(name, column) DECIMAL_AS(name, column, 18, 6, IMPORT_AMOUNT)
#define PRICE(name, column) DECIMAL_AS(name, column, 18, 6, IMPORT_AMOUNT | IMPORT_PRICE)
/* Measured or averaged: rounded to the decimals that are kept. */
#define RATE(name, column) DECIMAL_AS(name, column, 14, 2, IMPORT_ROUND)
#define WEIGHT(name, column) DECIMAL_AS(name, column, 18, 6, IMPORT_ROUND)
#define FLAG(name, column) {.csv = name, .db = column, .type = IMPORT_FLAG, .flags = IMPORT_OPTIONAL}
#define FLAG_OR(name, other, column) \
    {.csv = name, .alias = other, .db = column, .type = IMPORT_FLAG, .flags = IMPORT_OPTIONAL}
#define TEXT(name, column, chars) \
    {.csv = name, .db = column, .type = IMPORT_TEXT, .size = chars, .flags = IMPORT_OPTIONAL}
#define WORD(name, column, chars) \
    {.csv = name, .db = column, .type = IMPORT_TEXT, .size = chars, .flags = IMPORT_OPTIONAL | IMPORT_TRIM}
#define CODE(name, column, chars) \
    {.csv = name, .db = column, .type = IMPORT_CODE, .size = chars, .flags = IMPORT_OPTIONAL | IMPORT_EMPTY | IMPORT_TRIM}
#define STATE \
    {.csv = "State", .db = "state", .type = IMPORT_TEXT, .size = 8, \
     .flags = IMPORT_OPTIONAL | IMPORT_UPPER | IMPORT_TRIM}
#define CREATED(name, column) \
    {.csv = name, .db = column, .type = IMPORT_TIME, .flags = IMPORT_OPTIONAL | IMPORT_CREATED}
#define UPDATED(name, column) \
    {.csv = name, .db = column, .type = IMPORT_TIME, .flags = IMPORT_OPTIONAL | IMPORT_UPDATED}
#define TIMES CREATED("TimeCreated", "time_created"), UPDATED("TimeUpdated", "time_updated")
#define TIME_UPDATED UPDATED("TimeUpdated", "time_updated")

/* Columns that may be NULL. */
#define MAYBE (IMPORT_OPTIONAL | IMPORT_NULL)
#define MAYBE_NUMBER(name, column) {.csv = name, .db = column, .type = IMPORT_INT, .size = 4, .flags = MAYBE}
#define MAYBE_BIG(name, column) {.csv = name, .db = column, .type = IMPORT_INT, .size = 8, .flags = MAYBE}
#define MAYBE_OF(name, column, file) \
    {.csv = name, .db = column, .type = IMPORT_INT, .size = 4, .flags = MAYBE, .parent = file}
#define MAYBE_DECIMAL(name, column, digits, decimals) \
    {.csv = name, .db = column, .type = IMPORT_DECIMAL, .size = digits, .scale = decimals, \
     .flags = MAYBE | IMPORT_SIGNED}
#define MAYBE_RATE(name, column) \
    {.csv = name, .db = column, .type = IMPORT_DECIMAL, .size = 12, .scale = 4, \
     .flags = MAYBE | IMPORT_SIGNED | IMPORT_ROUND}
#define MAYBE_WORD(name, column, chars) \
    {.csv = name, .db = column, .type = IMPORT_TEXT, .size = chars, .flags = MAYBE | IMPORT_TRIM}
#define MAYBE_CODE(name, column, chars) \
    {.csv = name, .db = column, .type = IMPORT_CODE, .size = chars, .flags = MAYBE | IMPORT_TRIM}
#define MAYBE_URL(name, column) \
    {.csv = name, .db = column, .type = IMPORT_TEXT, .size = 2048, .flags = MAYBE | IMPORT_TRIM | IMPORT_WHOLE}
#define MAYBE_TEXT(name, column, chars) {.csv = name, .db = column, .type = IMPORT_TEXT, .size = chars, .flags = MAYBE}
#define MAYBE_LONG(name, column) \
    {.csv = name, .db = column, .type = IMPORT_TEXT, .size = 65535, .flags = MAYBE | IMPORT_BYTES}
#define HTML_CHARACTERS 1048576
#define MAYBE_HTML(name, column) MAYBE_TEXT(name, column, HTML_CHARACTERS)
#define MAYBE_DATE(name, column) {.csv = name, .db = column, .type = IMPORT_DATE, .flags = MAYBE}
#define MAYBE_TIME(name, column) {.csv = name, .db = column, .type = IMPORT_TIME, .flags = MAYBE}

#define TIME_THAT_STAYS(name, column) \
    {.csv = name, .db = column, .type = IMPORT_TIME, .flags = MAYBE | IMPORT_STAYS}

#define REVISION(table) {{table, NULL, NULL}, {NULL, NULL, NULL}}
#define END {.csv = NULL}

static const import_word invoice_statuses[] = {
    {"1", "1"}, {"2", "2"}, {"3", "3"}, {"4", "4"}, {"5", "5"}, {"7", "7"}, {"New", "1"}, {"Locked for Routing", "2"},
    {"Loaded", "3"}, {"Returned", "4"}, {"Balanced", "5"}, {"Verified", "7"}, {"Invoiced", "7"}, {NULL, NULL}};
static const import_word product_statuses[] = {
    {"0", "0"}, {"1", "1"}, {"2", "2"}, {"3", "3"}, {"4", "4"}, {"5", "5"}, {"Discontinued", "0"}, {"Active", "1"},
    {"Pre-order", "2"}, {"Manufacture", "3"}, {"Unavailable", "4"}, {"Close Out", "5"}, {NULL, NULL}};
static const import_word account_statuses[] = {
    {"Active", "Active"}, {"Inactive", "Inactive"}, {"OutOfBus", "OutOfBus"}, {NULL, NULL}};
static const import_word roles[] = {
    {"Customer", "Customer"}, {"Supplier", "Supplier"}, {"Admin", "Admin"}, {"DistributorRep", "DistributorRep"},
    {NULL, NULL}};
static const import_word buckets[] = {
    {"Current", "Current"}, {"1_30", "1_30"}, {"31_60", "31_60"}, {"61_90", "61_90"}, {"91", "91"},
    {"Credit", "Credit"},
    {NULL, NULL}};
static const import_word application_statuses[] = {
    {"Pending", "Pending"}, {"Exported", "Exported"}, {"Confirmed", "Confirmed"}, {"Rejected", "Rejected"},
    {NULL, NULL}};
static const import_word purchase_statuses[] = {
    {"New", "New"}, {"Accepted", "Accepted"}, {"Received", "Received"}, {"Confirmed", "Confirmed"},
    {"Verified", "Verified"}, {NULL, NULL}};

static const import_file files[] = {
    {.file = "states.csv", .table = "state", .rows = "states", .revisions = REVISION("state"),
     .columns = {
         {.csv = "StateAbbreviation", .alias = "State", .db = "state", .type = IMPORT_CODE, .size = 8,
          .flags = IMPORT_KEY | IMPORT_UPPER},
         TEXT("StateName", "state_name", 100), WORD("OrderCutOffTime", "order_cut_off_time", 20),
         WORD("TimeZone", "time_zone", 64), NUMBER("OrderCutOffDaysInAdvance", "order_cut_off_days_in_advance"),
         FLAG("Active", "active"), TIME_UPDATED, END}},

    {.file = "suppliers.csv", .table = "supplier", .rows = "suppliers", .revisions = REVISION("supplier"),
     .columns = {
         ID("SupplierID", "supplier_id"), TEXT("Supplier", "supplier", 200), STATE, FLAG("Active", "active"),
         MAYBE_HTML("Description", "description"), MAYBE_URL("BrandAssetsURL", "brand_assets_url"),
         MAYBE_URL("SupplierWebsiteURL", "supplier_website_url"), TIME_UPDATED, END}},

    {.file = "locations.csv", .table = "location", .rows = "locations", .revisions = REVISION("location"),
     .columns = {
         ID("LocationID", "location_id"), TEXT("Location", "location", 200), TEXT("DBA", "dba", 200),
         TEXT("Address", "address", 200), MAYBE_TEXT("Address2", "address2", 200),
         MAYBE_TEXT("Address3", "address3", 200), TEXT("City", "city", 100), STATE,
         WORD("PostalCode", "postal_code", 20), TIME_UPDATED, END}},

    {.file = "users.csv", .table = "portal_user", .rows = "users", .revisions = REVISION("portal_user"),
     .columns = {
         ID("UserID", "user_id"), NUMBER("SiteUserID", "site_user_id"), FLAG_OR("UserActive", "Active", "active"),
         FLAG("KSSLiveAccess", "kss_live_access"), MAYBE_WORD("Email", "email", 320), NEED_WORD("Role", "role", roles),
         FLAG("PowerUser", "power_user"), MAYBE_TEXT("JobTitle", "job_title", 200),
         MAYBE_TEXT("Department", "department", 200), TEXT("FullName", "full_name", 200),
         MAYBE_WORD("Phone", "phone", 50), MAYBE_URL("ProfilePictureURL", "profile_picture_url"), TIME_UPDATED,
         END}},

    {.file = "user_states.csv", .table = "user_state", .rows = "user states", .revisions = REVISION("user_state"),
     .columns = {ID_OF("UserID", "user_id", "users.csv"), STATE_KEY, END}},

    {.file = "credit_terms.csv", .table = "credit_term", .rows = "credit terms", .revisions = REVISION("credit_term"),
     .columns = {
         ID("TermID", "term_id"), TEXT("Term", "term", 100), NUMBER("DaysOfCredit", "days_of_credit"),
         FLAG("AccountOnHold", "account_on_hold"), TIME_UPDATED, END}},

    {.file = "customers.csv", .table = "customer", .rows = "customers", .revisions = REVISION("customer"),
     .columns = {
         ID("CustomerID", "customer_id"), TEXT("CustomerName", "customer_name", 200),
         MAYBE_TEXT("CustomerNameAlt", "customer_name_alt", 200), MAYBE_TEXT("ChainName", "chain_name", 200),
         MAYBE_CODE("LicenseNum", "license_num", 100), TEXT("Address", "address", 200), TEXT("City", "city", 100),
         STATE,
         WORD("PostalCode", "postal_code", 20), MAYBE_OF("LocationID", "location_id", "locations.csv"),
         {.csv = "AccountStatus", .db = "account_status", .type = IMPORT_WORD, .flags = IMPORT_OPTIONAL,
          .words = account_statuses},
         FLAG("OnHold", "on_hold"), MAYBE_OF("SalesRepUserID", "sales_rep_user_id", "users.csv"),
         MAYBE_OF("CollectionAgentUserID", "collection_agent_user_id", "users.csv"),
         {.csv = "DeliveryDays", .db = "delivery_days", .type = IMPORT_DAYS, .flags = MAYBE},
         MAYBE_DECIMAL("DeliveryMinimum", "delivery_minimum", 12, 2), TIME_UPDATED, END}},

    {.file = "ar_accounts.csv", .table = "ar_account", .rows = "AR accounts", .revisions = REVISION("ar_account"),
     .columns = {
         ID("ARAccountID", "ar_account_id"), OF("CustomerID", "customer_id", "customers.csv"),
         TEXT("Name", "name", 200),
         END}},

    {.file = "user_customers.csv", .table = "user_customer", .rows = "user customers",
     .revisions = REVISION("user_customer"),
     .columns = {ID_OF("UserID", "user_id", "users.csv"), ID_OF("CustomerID", "customer_id", "customers.csv"), END}},

    {.file = "user_suppliers.csv", .table = "user_supplier", .rows = "user suppliers",
     .revisions = REVISION("user_supplier"),
     .columns = {ID_OF("UserID", "user_id", "users.csv"), ID_OF("SupplierID", "supplier_id", "suppliers.csv"), END}},

    {.file = "user_locations.csv", .table = "user_location", .rows = "user locations",
     .revisions = REVISION("user_location"),
     .columns = {ID_OF("UserID", "user_id", "users.csv"), ID_OF("LocationID", "location_id", "locations.csv"), END}},

    {.file = "sales_rep_groups.csv", .table = "sales_rep_group", .rows = "product groups of sales reps",
     .revisions = REVISION("sales_rep_group"),
     .columns = {
         ID_OF("UserID", "user_id", "users.csv"),
         {.csv = "ProductGroup", .db = "product_group", .type = IMPORT_CODE, .size = 100,
          .flags = IMPORT_KEY | IMPORT_PHRASE},
         END}},

    {.file = "sales_rep_customers.csv", .table = "sales_rep_customer", .rows = "customers of sales reps",
     .revisions = REVISION("sales_rep_customer"),
     .columns = {ID_OF("UserID", "user_id", "users.csv"), ID_OF("CustomerID", "customer_id", "customers.csv"), END}},

    {.file = "sales_rep_suppliers.csv", .table = "sales_rep_supplier", .rows = "suppliers of sales reps",
     .revisions = REVISION("sales_rep_supplier"),
     .columns = {ID_OF("UserID", "user_id", "users.csv"), ID_OF("SupplierID", "supplier_id", "suppliers.csv"), END}},

    {.file = "customer_credit_terms.csv", .table = "customer_credit_term", .rows = "customer credit terms",
     .revisions = REVISION("customer_credit_term"),
     .columns = {
         ID_OF("CustomerID", "customer_id", "customers.csv"), ID_OF("SupplierID", "supplier_id", "suppliers.csv"),
         OF("TermID", "term_id", "credit_terms.csv"), TIME_UPDATED, END}},

    {.file = "supplier_credit_terms.csv", .table = "supplier_credit_term", .rows = "supplier credit terms",
     .revisions = REVISION("supplier_credit_term"),
     .columns = {
         ID_OF("SupplierID", "supplier_id", "suppliers.csv"), ID_OF("TermID", "term_id", "credit_terms.csv"),
         TIME_UPDATED, END}},

    {.file = "product_categories.csv", .table = "product_category", .rows = "product categories",
     .revisions = REVISION("product_category"),
     .columns = {
         ID("ProductCategoryID", "product_category_id"), TEXT("CategoryName", "category_name", 200),
         NUMBER("Sequence", "sequence"), TIME_UPDATED, END}},

    /* The category is named, or given by its id, which wins. */
    {.file = "products.csv", .table = "product", .rows = "products", .revisions = REVISION("product"),
     .columns = {
         ID("ProductID", "product_id"), MAYBE_OF("SupplierID", "supplier_id", "suppliers.csv"),
         TEXT("ProductName", "product_name", 1000), TEXT("BrandFamily", "brand_family", 200),
         NUMBER("ProductTypeID", "product_type_id"), TEXT("ProductTypeName", "product_type_name", 200),
         {.csv = "UnitNetWeight", .alias = "UnitVolume", .db = "unit_net_weight", .type = IMPORT_TEXT, .size = 50,
          .flags = IMPORT_OPTIONAL},
         {.csv = "WholesaleUnitsPerCase", .alias = "UnitsPerCase", .db = "wholesale_units_per_case",
          .type = IMPORT_DECIMAL, .size = 12, .scale = 2, .flags = IMPORT_OPTIONAL},
         MAYBE_HTML("Description", "description"), MAYBE_LONG("Ingredients", "ingredients"),
         MAYBE_URL("ThumbnailImageURL", "thumbnail_image_url"),
         MAYBE_URL("FullSizeImageURL", "full_size_image_url"), MAYBE_WORD("Potency", "potency", 100),
         MAYBE_WORD("PotencyTHC", "potency_thc", 100), MAYBE_WORD("Blend", "blend", 50),
         {.csv = "KSSLiveCategoryID", .alias = "ProductCategoryID", .db = "product_category_id", .type = IMPORT_INT,
          .size = 4, .flags = MAYBE, .parent = "product_categories.csv",
          .fills = {{"product_categories.csv", "category_name", "category_name", "product_category_id", 1}}},
         {.csv = "KSSMenuCategory", .alias = "ProductCategory", .db = "category_name", .type = IMPORT_CODE, .size = 200,
          .flags = MAYBE | IMPORT_STAGED | IMPORT_TRIM | IMPORT_PHRASE},
         {.csv = "StatusID", .db = "status_id", .type = IMPORT_WORD, .flags = IMPORT_OPTIONAL,
          .words = product_statuses},
         STATE, FLAG("IsSample", "is_sample"), NUMBER("ProductGroupID", "product_group_id"),
         MAYBE_TEXT("BrandStyle", "brand_style", 200), NUMBER("PackageID", "package_id"),
         TEXT("PackageName", "package_name", 200), MAYBE_NUMBER("StrainID", "strain_id"),
         MAYBE_TEXT("StrainName", "strain_name", 200), MAYBE_TEXT("Flavor", "flavor", 200),
         NUMBER("BrandID", "brand_id"), TEXT("BrandName", "brand_name", 200),
         MAYBE_CODE("SupplierProductNumber", "supplier_product_number", 100),
         PRICE("FullPrice", "full_price"),
         TIME_UPDATED, END},
     .losses = {{"products with a supplier", "o.supplier_id IS NOT NULL", "n.supplier_id IS NOT NULL", 0},
                {"products that are not discontinued", "o.status_id <> 0", "n.status_id <> 0", 0},
                {"products with a price", "o.full_price > 0", "n.full_price > 0", 0}}},

    {.file = "promotions.csv", .table = "promotion", .rows = "promotions", .revisions = REVISION("promotion"),
     .columns = {
         ID("PromotionID", "promotion_id"), OF("SupplierID", "supplier_id", "suppliers.csv"),
         NUMBER("PromotionTypeID", "promotion_type_id"), TEXT("PromotionName", "promotion_name", 200),
         WORD("ProductOverrideType", "product_override_type", 50), MAYBE_DECIMAL("UnitPrice", "unit_price", 18, 6),
         NEED_DATE("StartDate", "start_date"), MAYBE_DATE("EndDate", "end_date"), FLAG("AllProducts", "all_products"),
         TIME_UPDATED, END}},

    {.file = "promotion_states.csv", .table = "promotion_state", .rows = "promotion states",
     .revisions = REVISION("promotion_state"),
     .columns = {ID_OF("PromotionID", "promotion_id", "promotions.csv"), STATE_KEY, END}},

    {.file = "promotion_products.csv", .table = "promotion_product", .rows = "promotion products",
     .revisions = REVISION("promotion_product"),
     .columns = {
         ID_OF("PromotionID", "promotion_id", "promotions.csv"), ID_OF("ProductID", "product_id", "products.csv"),
         END}},

    {.file = "menu_promotions.csv", .table = "menu_promotion", .rows = "menu promotions",
     .revisions = REVISION("menu_promotion"),
     .columns = {
         ID("MenuPromotionID", "menu_promotion_id"), OF("SupplierID", "supplier_id", "suppliers.csv"), STATE,
         TEXT("Description", "description", HTML_CHARACTERS),
         NEED_DATE("StartDate", "start_date"), NEED_DATE("EndDate", "end_date"), TIMES, END}},

    {.file = "allocations.csv", .table = "allocation", .rows = "allocations", .revisions = REVISION("allocation"),
     .columns = {
         ID("AllocationID", "allocation_id"), ID_OF("ProductID", "product_id", "products.csv"),
         ID_OF("CustomerID", "customer_id", "customers.csv"), UNITS("Units", "units"),
         NUMBER("AllocationTypeID", "allocation_type_id"), NEED_DATE("StartDate", "start_date"),
         NEED_DATE("EndDate", "end_date"), TIME_UPDATED, END}},

    {.file = "inventory.csv", .table = "inventory", .rows = "inventory rows", .revisions = REVISION("inventory"),
     .losses = {{"inventory rows with units", "o.on_floor_inventory > 0", "n.on_floor_inventory > 0", 1}},
     .columns = {
         ID_OF("LocationID", "location_id", "locations.csv"), ID_OF("ProductID", "product_id", "products.csv"),
         UNITS("OnFloorInventory", "on_floor_inventory"), UNITS("PreSales", "pre_sales"),
         UNITS("Allocated", "allocated"),
         FLAG("NotAuthorized", "not_authorized"), BIG_NUMBER("PurchaseTransID", "purchase_trans_id"),
         RATE("DOI", "doi"),
         RATE("AvgDailySales90d", "avg_daily_sales_90d"), UNITS("Received", "received"), UNITS("Loaded", "loaded"),
         UNITS("Picked", "picked"), UNITS("Delivered", "delivered"), UNITS("Unsellable", "unsellable"), TIME_UPDATED,
         END}},

    {.file = "inventory_batches.csv", .table = "inventory_batch", .rows = "batches",
     .revisions = REVISION("inventory_batch"),
     .columns = {
         BIG_ID("BatchID", "batch_id"), OF("LocationID", "location_id", "locations.csv"),
         OF("ProductID", "product_id", "products.csv"), UNITS("InventoryUnits", "inventory_units"),
         BIG_NUMBER("PurchaseTransID", "purchase_trans_id"), MAYBE_DATE("ExpirationDate", "expiration_date"),
         MAYBE_URL("COAURL", "coa_url"), CODE("BatchCode", "batch_code", 100),
         MAYBE_WORD("Vintage", "vintage", 50),
         MAYBE_CODE("UID", "uid", 50), MAYBE_TEXT("Laboratory", "laboratory", 200),
         MAYBE_DATE("BestByDate", "best_by_date"), MAYBE_DATE("HarvestDate", "harvest_date"),
         MAYBE_DATE("ManufactureDate", "manufacture_date"), MAYBE_DATE("PackDate", "pack_date"),
         MAYBE_DATE("COAExpirationDate", "coa_expiration_date"), WORD("PotencyType", "potency_type", 50),
         MAYBE_RATE("THCPotency", "thc_potency"), MAYBE_RATE("CBDPotency", "cbd_potency"),
         MAYBE_RATE("TotalCannabinoids", "total_cannabinoids"),
         MAYBE_RATE("LabelTHCPotency", "label_thc_potency"),
         MAYBE_RATE("LabelCBDPotency", "label_cbd_potency"),
         MAYBE_RATE("LabelTotalCannabinoids", "label_total_cannabinoids"), TIMES, END}},

    {.file = "retailer_inventory.csv", .table = "retailer_inventory", .rows = "retailer inventory rows",
     .revisions = REVISION("retailer_inventory"),
     .columns = {
         BIG_ID("ID", "id"), OF("ProductID", "product_id", "products.csv"),
         OF("CustomerID", "customer_id", "customers.csv"),
         {.csv = "LastInventoryDate", .db = "last_inventory_date", .type = IMPORT_TIME, .flags = IMPORT_OPTIONAL},
         UNITS("Inventory", "inventory"), RATE("DailySales", "daily_sales"), TIMES, END}},

    {.file = "invoices.csv", .table = "invoice", .rows = "invoices", .revisions = REVISION("invoice"),
     .columns = {
         BIG_ID("InvoiceID", "invoice_id"), OF("CustomerID", "customer_id", "customers.csv"),
         MAYBE_OF("ARAccountID", "ar_account_id", "ar_accounts.csv"), NEED_NUMBER("InvoiceNum", "invoice_num"),
         AMOUNT("OpenDebit", "open_debit"), MONEY("OpenCredit", "open_credit"), MAYBE_WORD("PONum", "po_num", 100),
         MAYBE_TIME("PODate", "po_date"), MAYBE_OF("TermID", "term_id", "credit_terms.csv"),
         MAYBE_URL("PDFURL", "pdf_url"), MAYBE_LONG("Memo", "memo"), NEED_TIME("Date", "date"),
         MAYBE_TIME("DueDate", "due_date"), NEED_WORD("Status", "status", invoice_statuses),
         AMOUNT("InvoiceTotal", "invoice_total"), MAYBE_NUMBER("SubmittedByUserID", "submitted_by_user_id"),
         MAYBE_NUMBER("BuiltByUserID", "built_by_user_id"), MAYBE_LONG("ARNote", "ar_note"),
         CREATED("InvoiceTimeCreated", "invoice_time_created"), UPDATED("InvoiceLastUpdated", "invoice_last_updated"),
         END}},

    {.file = "invoice_lines.csv", .table = "invoice_line", .rows = "invoice lines",
     .revisions = REVISION("invoice_line"),
     .losses = {{"invoice lines with a supplier", "o.supplier_id IS NOT NULL", "n.supplier_id IS NOT NULL", 0}},
     .columns = {
         BIG_ID("InvoiceTransID", "invoice_trans_id"), BIG_OF("InvoiceID", "invoice_id", "invoices.csv"),
         OF("ProductID", "product_id", "products.csv"),
         {.csv = "SupplierID", .db = "supplier_id", .type = IMPORT_INT, .size = 4, .flags = MAYBE,
          .fills = {{"products.csv", "product_id", "product_id", "supplier_id", 0}}},
         MONEY("Cases", "cases"), UNITS("NumUnits", "num_units"), UNITS("Ordered", "ordered"),
         UNITS("BackOrder", "back_order"), PRICE("FullPrice", "full_price"), PRICE("UnitPrice", "unit_price"),
         AMOUNT("ExtPrice", "ext_price"), MAYBE_NUMBER("PromotionID", "promotion_id"),
         MAYBE_CODE("BatchCode", "batch_code", 100), MAYBE_NUMBER("ReasonID", "reason_id"),
         MAYBE_TEXT("Reason", "reason", 200), TIMES, END}},

    {.file = "invoice_coas.csv", .table = "invoice_coa", .rows = "certificates", .revisions = REVISION("invoice_coa"),
     .columns = {
         BIG_ID_OF("InvoiceTransID", "invoice_trans_id", "invoice_lines.csv"),
         {.csv = "COA_URL", .alias = "COAURL", .db = "coa_url", .type = IMPORT_CODE, .size = 2048}, TIMES, END}},

    {.file = "ar_aging.csv", .table = "ar_aging", .rows = "AR aging rows", .revisions = REVISION("ar_aging"),
     .columns = {
         ID_OF("ARAccountID", "ar_account_id", "ar_accounts.csv"), ID_OF("SupplierID", "supplier_id", "suppliers.csv"),
         MONEY("OpenCredit", "open_credit"), MAYBE_TIME("CloseDate", "close_date"),
         MAYBE_URL("StatementLink", "statement_link"), MAYBE_TIME("StatementDate", "statement_date"), TIMES,
         END}},

    {.file = "ar_aging_invoices.csv", .table = "ar_aging_invoice", .rows = "AR aging invoices",
     .revisions = REVISION("ar_aging_invoice"),
     .columns = {
         ID_OF("ARAccountID", "ar_account_id", "ar_aging.csv"), ID("SupplierID", "supplier_id"),
         {.csv = "Bucket", .db = "bucket", .type = IMPORT_WORD, .flags = IMPORT_KEY, .words = buckets},
         BIG_ID_OF("InvoiceID", "invoice_id", "invoices.csv"), AMOUNT("OpenBalance", "open_balance"), END}},

    {.file = "payment_types.csv", .table = "payment_type", .rows = "payment types",
     .revisions = REVISION("payment_type"),
     .columns = {ID("PaymentTypeID", "payment_type_id"), TEXT("Name", "name", 100), TIMES, END}},

    {.file = "payment_type_suppliers.csv", .table = "payment_type_supplier", .rows = "suppliers of payment types",
     .revisions = REVISION("payment_type_supplier"),
     .columns = {
         ID_OF("PaymentTypeID", "payment_type_id", "payment_types.csv"),
         ID_OF("SupplierID", "supplier_id", "suppliers.csv"), END}},

    {.file = "payments.csv", .table = "payment", .rows = "payments", .revisions = REVISION("payment"),
     .columns = {
         BIG_ID("PaymentID", "payment_id"), BIG_NUMBER("PaymentInvoiceID", "payment_invoice_id"),
         NEED_NUMBER("PaymentInvoiceNum", "payment_invoice_num"), OF("ARAccountID", "ar_account_id", "ar_accounts.csv"),
         OF("PaymentTypeID", "payment_type_id", "payment_types.csv"), AMOUNT("Amount", "amount"),
         MAYBE_OF("SupplierID", "supplier_id", "suppliers.csv"), NUMBER("LoadSheetStatusID", "load_sheet_status_id"),
         NEED_TIME("PostDate", "post_date"), MAYBE_LONG("ARNote", "ar_note"), MAYBE_LONG("Memo", "memo"), TIMES, END}},

    /* The table numbers its rows itself: a row of the file is the one with the same request or the same application. Both
     * sides write here, so what the file does not say stays: a request that was confirmed, its number and its times. */
    {.file = "payment_applications.csv", .table = "payment_application", .rows = "payment applications",
     .revisions = REVISION("payment_application"),
     .keep = "o.request_id IS NOT NULL AND o.status IN ('Pending', 'Exported')", .kept = "open payment requests",
     .remember = "o.request_id IS NOT NULL",
     .columns = {
         {.csv = "AllocationNo", .db = "allocation_no", .type = IMPORT_INT, .size = 8,
          .flags = IMPORT_KEY | IMPORT_HIDDEN,
          .fills = {{"payment_applications.csv", "request_id", "request_id", "allocation_no", 0},
                    {"payment_applications.csv", "payment_application_id", "payment_application_id", "allocation_no",
                     0}}},
         {.csv = "PaymentApplicationID", .db = "payment_application_id", .type = IMPORT_INT, .size = 8,
          .flags = MAYBE | IMPORT_UNIQUE | IMPORT_STAYS},
         {.csv = "RequestID", .db = "request_id", .type = IMPORT_INT, .size = 8,
          .flags = MAYBE | IMPORT_UNIQUE | IMPORT_STAYS},
         {.csv = "PaymentID", .db = "payment_id", .type = IMPORT_INT, .size = 8, .flags = IMPORT_OPTIONAL,
          .parent = "payments.csv",
          .fills = {{"payments.csv", "payment_invoice_num", "payment_invoice_num", "payment_id", 0}}},
         {.csv = "PaymentInvoiceNum", .db = "payment_invoice_num", .type = IMPORT_CODE, .size = 64,
          .flags = MAYBE | IMPORT_STAGED},
         {.csv = "TargetInvoiceID", .db = "target_invoice_id", .type = IMPORT_INT, .size = 8, .flags = IMPORT_OPTIONAL,
          .parent = "invoices.csv", .fills = {{"invoices.csv", "invoice_num", "target_invoice_num", "invoice_id", 0}}},
         {.csv = "TargetInvoiceNum", .db = "target_invoice_num", .type = IMPORT_CODE, .size = 64,
          .flags = MAYBE | IMPORT_STAGED},
         OF("ARAccountID", "ar_account_id", "ar_accounts.csv"),
         {.csv = "Amount", .db = "amount", .type = IMPORT_DECIMAL, .size = 18, .scale = 6,
          .flags = IMPORT_SIGNED | IMPORT_AMOUNT},
         NEED_WORD("Status", "status", application_statuses),
         {.csv = "RequestedByUserID", .db = "requested_by_user_id", .type = IMPORT_INT, .size = 4,
          .flags = MAYBE | IMPORT_STAYS},
         {.csv = "AppliedBy", .db = "applied_by", .type = IMPORT_TEXT, .size = 100, .flags = MAYBE | IMPORT_STAYS},
         TIME_THAT_STAYS("TimeRequested", "time_requested"), TIME_THAT_STAYS("TimeExported", "time_exported"),
         TIME_THAT_STAYS("TimeApplied", "time_applied"), TIMES, END}},

    {.file = "vendors.csv", .table = "vendor", .rows = "vendors", .revisions = REVISION("vendor"),
     .columns = {
         ID("VendorID", "vendor_id"), TEXT("VendorName", "vendor_name", 200),
         MAYBE_CODE("VendorLicenseNumber", "vendor_license_number", 100),
         MAYBE_TEXT("VendorAddress", "vendor_address", 200), MAYBE_TEXT("VendorAddress2", "vendor_address2", 200),
         MAYBE_TEXT("VendorCity", "vendor_city", 100),
         {.csv = "VendorState", .db = "vendor_state", .type = IMPORT_TEXT, .size = 8,
          .flags = MAYBE | IMPORT_UPPER | IMPORT_TRIM},
         MAYBE_WORD("VendorPostalCode", "vendor_postal_code", 20), END}},

    {.file = "vendor_routes.csv", .table = "vendor_route", .rows = "vendor routes",
     .revisions = REVISION("vendor_route"),
     .columns = {
         ID_OF("VendorID", "vendor_id", "vendors.csv"), ID_OF("SupplierID", "supplier_id", "suppliers.csv"),
         ID_OF("LocationID", "location_id", "locations.csv"), NUMBER("LeadTimeDays", "lead_time_days"),
         NUMBER("TargetDOI", "target_doi"), NUMBER("MaxDOI", "max_doi"), TEXT("PickupDates", "pickup_dates", 500),
         FLAG("RequirePOBatchCodes", "require_po_batch_codes"), FLAG("Active", "active"), TIME_UPDATED, END}},

    {.file = "purchases.csv", .table = "purchase", .rows = "purchases", .revisions = REVISION("purchase"),
     .columns = {
         BIG_ID("PurchaseID", "purchase_id"), OF("SupplierID", "supplier_id", "suppliers.csv"),
         OF("VendorID", "vendor_id", "vendors.csv"), OF("ToLocationID", "to_location_id", "locations.csv"),
         MAYBE_TIME("ReceiveDate", "receive_date"), MAYBE_WORD("ShipmentNum", "shipment_num", 100),
         MAYBE_BIG("ShipmentID", "shipment_id"), MAYBE_TIME("PostDate", "post_date"),
         NEED_WORD("Status", "status", purchase_statuses), MAYBE_WORD("PONum", "po_num", 100),
         MONEY("Freight", "freight"), MONEY("Tax", "tax"), MONEY("OtherCost", "other_cost"), AMOUNT("Total", "total"),
         MONEY("TotalCases", "total_cases"), MAYBE_URL("PublicPDFLink", "public_pdf_link"),
         MAYBE_LONG("Memo", "memo"), MAYBE_TIME("InvoiceDate", "invoice_date"), MAYBE_TIME("DueDate", "due_date"),
         MAYBE_OF("TermID", "term_id", "credit_terms.csv"), MAYBE_TIME("LastEditTime", "last_edit_time"),
         MAYBE_TIME("LastCalcTime", "last_calc_time"), MAYBE_WORD("ReceivingNum", "receiving_num", 100),
         MAYBE_CODE("PurchaseGlobalID", "purchase_global_id", 26),
         MAYBE_TIME("PurchaseGlobalIDExportedAt", "purchase_global_id_exported_at"),
         MAYBE_BIG("PurchasePDFURLAPIKeyID", "purchase_pdf_url_api_key_id"), TIMES, END}},

    {.file = "purchase_lines.csv", .table = "purchase_line", .rows = "purchase lines",
     .revisions = REVISION("purchase_line"),
     .columns = {
         BIG_ID("PurchaseTransID", "purchase_trans_id"), BIG_OF("PurchaseID", "purchase_id", "purchases.csv"),
         OF("ProductID", "product_id", "products.csv"), UNITS("Ordered", "ordered"), UNITS("NumUnits", "num_units"),
         PRICE("FOB", "fob"), MONEY("DepositCost", "deposit_cost"), AMOUNT("ExtPrice", "ext_price"),
         MAYBE_TIME("ExpirationDate", "expiration_date"), MAYBE_TIME("CodeDate", "code_date"),
         MAYBE_CODE("BatchCode", "batch_code", 100), MONEY("LaidInCost", "laid_in_cost"),
         MAYBE_CODE("PalletTag", "pallet_tag", 50), MONEY("Cases", "cases"), WEIGHT("Weight", "weight"), TIMES, END}},
};

/* The sums of an invoice and of each supplier's part of it, with every digit. Only rows that differ are written. */
#define LINES {"invoices.csv", "invoice_lines.csv", NULL}
#define SUMS "SUM(num_units) AS units, SUM(cases) AS cases, SUM(full_price * num_units) AS full_price," \
    " SUM(ext_price) AS ext_price"

static const import_derived derived[] = {
    {LINES, "CREATE OR REPLACE TEMPORARY TABLE kiss_in_all (PRIMARY KEY (invoice_id)) ENGINE=InnoDB"
     " SELECT invoice_id, " SUMS " FROM invoice_line GROUP BY invoice_id", NULL},
    {LINES, "DELETE o FROM invoice_sum o LEFT JOIN kiss_in_all n ON n.invoice_id = o.invoice_id"
     " WHERE n.invoice_id IS NULL", NULL},
    {LINES, "UPDATE invoice_sum o JOIN kiss_in_all n ON n.invoice_id = o.invoice_id"
     " SET o.total_num_units = n.units, o.total_cases = n.cases, o.total_full_price = n.full_price,"
     " o.total_ext_price = n.ext_price"
     " WHERE NOT (o.total_num_units = n.units AND o.total_cases = n.cases AND o.total_full_price = n.full_price"
     " AND o.total_ext_price = n.ext_price)", "invoice_line"},
    {LINES, "INSERT INTO invoice_sum (invoice_id, total_num_units, total_cases, total_full_price, total_ext_price)"
     " SELECT n.* FROM kiss_in_all n LEFT JOIN invoice_sum o ON o.invoice_id = n.invoice_id"
     " WHERE o.invoice_id IS NULL", NULL},
    {LINES, "CREATE OR REPLACE TEMPORARY TABLE kiss_in_sums (PRIMARY KEY (invoice_id, supplier_id)) ENGINE=InnoDB"
     " SELECT l.supplier_id, l.invoice_id, i.customer_id, i.date, i.status, i.is_open, l.units, l.cases,"
     " l.full_price, l.ext_price"
     " FROM (SELECT invoice_id, supplier_id, " SUMS " FROM invoice_line WHERE supplier_id IS NOT NULL"
     " GROUP BY invoice_id, supplier_id) l JOIN invoice i ON i.invoice_id = l.invoice_id", NULL},
    {LINES, "DELETE o FROM invoice_supplier o LEFT JOIN kiss_in_sums n ON n.invoice_id = o.invoice_id"
     " AND n.supplier_id = o.supplier_id WHERE n.invoice_id IS NULL", NULL},
    {LINES, "UPDATE invoice_supplier o JOIN kiss_in_sums n ON n.invoice_id = o.invoice_id"
     " AND n.supplier_id = o.supplier_id"
     " SET o.customer_id = n.customer_id, o.date = n.date, o.status = n.status, o.is_open = n.is_open,"
     " o.total_num_units = n.units, o.total_cases = n.cases, o.total_full_price = n.full_price,"
     " o.total_ext_price = n.ext_price"
     " WHERE NOT (o.customer_id = n.customer_id AND o.date = n.date AND o.status = n.status AND o.is_open = n.is_open"
     " AND o.total_num_units = n.units AND o.total_cases = n.cases AND o.total_full_price = n.full_price"
     " AND o.total_ext_price = n.ext_price)", NULL},
    {LINES, "INSERT INTO invoice_supplier (supplier_id, invoice_id, customer_id, date, status, is_open, total_num_units,"
     " total_cases, total_full_price, total_ext_price) SELECT n.* FROM kiss_in_sums n LEFT JOIN invoice_supplier o"
     " ON o.invoice_id = n.invoice_id AND o.supplier_id = n.supplier_id WHERE o.invoice_id IS NULL", NULL},
    /* New requests are numbered after those that came with the file. SETVAL takes a plain number only, and ignores one
     * that is lower than what was given out. */
    {{"payment_applications.csv", NULL, NULL}, "SET @kiss_sql = (SELECT CONCAT('SELECT SETVAL(request_number, ',"
     " COALESCE(MAX(request_id), 1), ')') FROM payment_application)", NULL},
    {{"payment_applications.csv", NULL, NULL}, "EXECUTE IMMEDIATE @kiss_sql", NULL},
    {{NULL, NULL, NULL}, NULL, NULL},
};

const import_set import_kss_set = {"kss import", files, sizeof(files) / sizeof(*files),
                                    "SET @kiss_bulk = CONCAT('kissctl:', CONNECTION_ID())", derived,
                                    "invoice_sum, invoice_supplier", NULL};

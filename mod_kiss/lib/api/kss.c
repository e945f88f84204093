/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kss - the tables of the KSS API: columns, page sets, parameters, endpoints, datasets, statements.
 */
#include "lib/api/kss.h"

#include <stddef.h>

#include "lib/api/kss_words.h"
#include "lib/api/statements.h"

/* One row for each of the 40 endpoints of the contract (section 3), in its order; columns in the order of its section 5.
 * The row filters follow its lines "Keys", and "Left open" 18 and 19 where these are silent. */

/* --- columns --- */

#define COLUMN(n, t, s)         .name = n, .type = t, .sql = s
#define NUMBER(n, s)            { COLUMN(n, KISS_QUANTITY, s) }
#define NUMBER_NULL(n, s)       { COLUMN(n, KISS_QUANTITY, s), .nullable = 1 }
#define TEXT(n, s)              { COLUMN(n, KISS_TEXT, s) }
#define TEXT_NULL(n, s)         { COLUMN(n, KISS_TEXT, s), .nullable = 1 }
#define FIXED(n, decimals, s)   { COLUMN(n, KISS_FIXED, s), .scale = decimals }
#define FIXED_NULL(n, decimals, s) { COLUMN(n, KISS_FIXED, s), .scale = decimals, .nullable = 1 }
#define FLAG(n, s)              { COLUMN(n, KISS_BOOLEAN, s) }
#define DAY(n, s)               { COLUMN(n, KISS_DATE, s) }
#define DAY_NULL(n, s)          { COLUMN(n, KISS_DATE, s), .nullable = 1 }
#define TIME(n, s)              { COLUMN(n, KISS_TIME, s) }
#define TIME_NULL(n, s)         { COLUMN(n, KISS_TIME, s), .nullable = 1 }
#define TEXTS_ARRAY(n, s)       { COLUMN(n, KISS_JSON, s), .element = KISS_TEXT }
#define IDS_ARRAY(n, s)         { COLUMN(n, KISS_JSON, s), .element = KISS_QUANTITY }
#define IDS_ARRAY_NULL(n, s)    { COLUMN(n, KISS_JSON, s), .element = KISS_QUANTITY, .nullable = 1 }

/* --- row filters shared by several endpoints --- */

/* A supplier or product without state belongs to all states; so does a key of such a supplier. But a key whose accounts
 * do not exist has no states: LEFT(NULL, 0) is NULL, and finds nothing. */
#define HAS_STATES "COALESCE({states}) IS NOT NULL"
#define OF_STATES(column) column " IN (LEFT(COALESCE({states}), 0), {states})"
#define CUSTOMER_OF_STATES(column) "(" column " IN ({states}) OR '' IN ({states}))"
#define PRODUCT_OF_ACCOUNTS(column) column " IN (SELECT product_id FROM product WHERE supplier_id IN ({accounts}))"
#define AR_ACCOUNT_OF_ACCOUNTS(column) column " IN (SELECT ar_account_id FROM ar_account WHERE customer_id IN ({accounts}))"
#define INVOICE_OF_ACCOUNTS(column) column " IN (SELECT invoice_id FROM invoice WHERE customer_id IN ({accounts}))"

/* --- parameters shared by several endpoints --- */

#define PARAM(n, t, w)          .name = n, .type = t, .where = w
#define NUMBERS(n, w)           { PARAM(n, KISS_PARAM_NUMBERS, w) }
#define TEXTS(n, w)             { PARAM(n, KISS_PARAM_TEXTS, w) }
#define SOME_OF(w)              .words = w
#define BY_PRODUCT_SUPPLIER(column) \
    NUMBERS("SupplierIDs", column " IN (SELECT product_id FROM product WHERE supplier_id IN ({}))")
#define BY_CUSTOMER_STATE(column) \
    TEXTS("States", column " IN (SELECT customer_id FROM customer WHERE state IN ({}))")
#define BY_LOCATION_STATE(column) \
    TEXTS("States", column " IN (SELECT location_id FROM location WHERE state IN ({}))")

/* The last moment of a day, and not the start of the next one: the last day of the calendar has no next one, and NULL
 * finds nothing. */
#define END_OF_DAY "TIMESTAMP({}, '23:59:59.999999')"

#define INVOICE_STATUSES "1,2,3,4,5,7"

/* --- 1: allocations --- */

static const kiss_column allocation_columns[] = {
    NUMBER("AllocationID", "a.allocation_id"), NUMBER("ProductID", "a.product_id"),
    NUMBER("CustomerID", "a.customer_id"),
    NUMBER("Units", "a.units"), NUMBER("AllocationTypeID", "a.allocation_type_id"), DAY("StartDate", "a.start_date"),
    DAY("EndDate", "a.end_date"), TIME("TimeUpdated", "a.time_updated"), { 0 }
};

static const kiss_pageset allocations = {
    .item = "Allocation",
    .table = "allocation a",
    .key = { "a.allocation_id", "a.product_id", "a.customer_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "a.customer_id IN ({accounts})",
                [KISS_ROLE_SUPPLIER] = PRODUCT_OF_ACCOUNTS("a.product_id") },
    .order = "a.allocation_id, a.product_id, a.customer_id",
    .join = "allocation a ON a.allocation_id = page.k1 AND a.product_id = page.k2 AND a.customer_id = page.k3",
    .columns = allocation_columns
};

static const kiss_param allocation_params[] = {
    NUMBERS("CustomerIDs", "a.customer_id IN ({})"), BY_PRODUCT_SUPPLIER("a.product_id"),
    BY_CUSTOMER_STATE("a.customer_id"), { 0 }
};

/* --- 2: receivables --- */

/* Amounts and invoices of all buckets come from one grouped read per row (the server joins it laterally). */
#define DUE(bucket)      " SUM(IF(d.bucket = '" bucket "', d.open_balance, 0)) AS due_" bucket ","
#define INVOICES(bucket) " GROUP_CONCAT(IF(d.bucket = '" bucket "', JSON_OBJECT('InvoiceID', d.invoice_id, 'InvoiceNum'," \
                         " v.invoice_num, 'OpenBalance', CAST(d.open_balance AS CHAR)), NULL) ORDER BY d.invoice_id)" \
                         " AS list_" bucket ","
#define BUCKETS \
    "(SELECT d.ar_account_id, d.supplier_id," DUE("Current") DUE("1_30") DUE("31_60") DUE("61_90") DUE("91") \
    INVOICES("Current") INVOICES("1_30") INVOICES("31_60") INVOICES("61_90") INVOICES("91") INVOICES("Credit") \
    " SUM(IF(d.bucket = 'Credit', 0, d.open_balance)) AS total" \
    " FROM ar_aging_invoice d JOIN invoice v ON v.invoice_id = d.invoice_id GROUP BY d.ar_account_id, d.supplier_id)"
#define LIST(name, bucket) { COLUMN(name, KISS_JSON, "CONCAT('[', b.list_" bucket ", ']')"), .items = open_invoice_items }

static const kiss_column open_invoice_items[] = {
    NUMBER("InvoiceID", NULL), TEXT("InvoiceNum", NULL), FIXED("OpenBalance", 6, NULL), { 0 }
};

static const kiss_column ar_aging_columns[] = {
    NUMBER("ARAccountID", "g.ar_account_id"), NUMBER("SupplierID", "g.supplier_id"),
    NUMBER("CustomerID", "n.customer_id"),
    FIXED("OpenCredit", 6, "g.open_credit"),
    FIXED("CurrentDue", 6, "b.due_Current"), FIXED("Due_1_30", 6, "b.due_1_30"), FIXED("Due_31_60", 6, "b.due_31_60"),
    FIXED("Due_61_90", 6, "b.due_61_90"), FIXED("Due_91", 6, "b.due_91"),
    TIME_NULL("CloseDate", "g.close_date"), FIXED("TotalBalanceOutstanding", 6, "b.total"),
    TEXT_NULL("StatementLink", "g.statement_link"),
    LIST("CurrentInvoices", "Current"), LIST("Invoices_1_30", "1_30"),
    LIST("Invoices_31_60", "31_60"), LIST("Invoices_61_90", "61_90"), LIST("Invoices_91", "91"),
    TIME_NULL("StatementDate", "g.statement_date"), TIME("TimeCreated", "g.time_created"),
    TIME("TimeUpdated", "g.time_updated"),
    LIST("CreditInvoices", "Credit"), { 0 }
};

static const kiss_pageset ar_aging = {
    .item = "ReceivablesAging",
    .table = "ar_aging g",
    .key = { "g.ar_account_id", "g.supplier_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = AR_ACCOUNT_OF_ACCOUNTS("g.ar_account_id"),
                [KISS_ROLE_SUPPLIER] = "g.supplier_id IN ({accounts})" },
    .order = "g.ar_account_id, g.supplier_id",
    .join = "ar_aging g ON g.ar_account_id = page.k1 AND g.supplier_id = page.k2"
            " JOIN ar_account n ON n.ar_account_id = g.ar_account_id"
            " LEFT JOIN " BUCKETS " b ON b.ar_account_id = page.k1 AND b.supplier_id = page.k2",
    .columns = ar_aging_columns
};

static const kiss_param ar_aging_params[] = {
    NUMBERS("CustomerIDs", "g.ar_account_id IN (SELECT ar_account_id FROM ar_account WHERE customer_id IN ({}))"),
    NUMBERS("SupplierIDs", "g.supplier_id IN ({})"),
    TEXTS("States", "g.ar_account_id IN (SELECT n.ar_account_id FROM ar_account n JOIN customer c"
                    " ON c.customer_id = n.customer_id WHERE c.state IN ({}))"), { 0 }
};

/* --- 3: prices of a customer on a day --- */

/* The three amounts are rounded before they are subtracted: FullPrice - Discount = UnitPrice in the answer. */
#define FULL_PRICE "CAST(p.full_price AS DECIMAL(30,2))"
#define UNIT_PRICE "CAST(COALESCE(o.unit_price, p.full_price) AS DECIMAL(30,2))"

/* Of several promotions the one with the lowest price applies, then the one with the lowest id. A promotion covers
 * products of its own supplier, in its states, or everywhere when it names none; one that lowers no amount of the
 * answer does not apply: an answer that names a promotion has a discount. */
#define BEST_PROMOTION \
    "(SELECT x.promotion_id FROM promotion x WHERE x.supplier_id = p.supplier_id" \
    " AND CAST(x.unit_price AS DECIMAL(30,2)) < " FULL_PRICE \
    " AND x.start_date <= {EffectiveDate} AND (x.end_date IS NULL OR x.end_date >= {EffectiveDate})" \
    " AND (x.all_products OR EXISTS (SELECT 1 FROM promotion_product y" \
    " WHERE y.promotion_id = x.promotion_id AND y.product_id = p.product_id))" \
    " AND (EXISTS (SELECT 1 FROM promotion_state z WHERE z.promotion_id = x.promotion_id AND z.state = c.state)" \
    " OR NOT EXISTS (SELECT 1 FROM promotion_state z WHERE z.promotion_id = x.promotion_id))" \
    " ORDER BY x.unit_price, x.promotion_id LIMIT 1)"

static const kiss_column customer_pricing_columns[] = {
    NUMBER("ProductID", "p.product_id"), NUMBER("CustomerID", "c.customer_id"), FIXED("FullPrice", 2, FULL_PRICE),
    FIXED("UnitPrice", 2, UNIT_PRICE), FIXED("Discount", 2, FULL_PRICE " - " UNIT_PRICE),
    NUMBER_NULL("PromotionID", "o.promotion_id"), DAY_NULL("StartDate", "o.start_date"), DAY_NULL("EndDate", "o.end_date"),
    TIME_NULL("TimeUpdated", "o.time_updated"), { 0 }
};

static const kiss_pageset customer_pricing = {
    .item = "CustomerPrice",
    .table = "product p JOIN customer c ON p.state IN ('', c.state)",
    .key = { "p.product_id", "c.customer_id" },
    .where = "p.status_id = 1",
    .filter = { [KISS_ROLE_CUSTOMER] = "c.customer_id IN ({accounts})",
                [KISS_ROLE_SUPPLIER] = "p.supplier_id IN ({accounts})" },
    .order = "p.product_id, c.customer_id",
    .join = "product p ON p.product_id = page.k1 JOIN customer c ON c.customer_id = page.k2"
            " LEFT JOIN promotion o ON o.promotion_id = " BEST_PROMOTION,
    .columns = customer_pricing_columns
};

static const kiss_param customer_pricing_params[] = {
    { PARAM("CustomerIDs", KISS_PARAM_NUMBERS, "c.customer_id IN ({})"), .required = 1 },
    { .name = "EffectiveDate", .type = KISS_PARAM_DATE, .fallback = "today" }, { 0 }
};

/* --- 4 to 7: customers --- */

#define NOT_FOR_SUPPLIER .hidden = KISS_SUPPLIER

static const kiss_column customer_columns[] = {
    NUMBER("CustomerID", "c.customer_id"), TEXT("CustomerName", "c.customer_name"),
    TEXT_NULL("CustomerNameAlt", "c.customer_name_alt"), TEXT_NULL("ChainName", "c.chain_name"),
    TEXT_NULL("LicenseNum", "c.license_num"),
    TEXT("Address", "CONCAT_WS(', ', NULLIF(c.address, ''), NULLIF(c.city, ''),"
                    " NULLIF(CONCAT_WS(' ', NULLIF(c.state, ''), NULLIF(c.postal_code, '')), ''))"),
    NUMBER("LocationID", "c.location_id"),
    { COLUMN("OnHold", KISS_BOOLEAN, "c.on_hold"), NOT_FOR_SUPPLIER },
    { COLUMN("SalesRepEmail", KISS_TEXT, "r.email"), .nullable = 1, NOT_FOR_SUPPLIER },
    { COLUMN("SalesRepName", KISS_TEXT, "r.full_name"), .nullable = 1, NOT_FOR_SUPPLIER },
    { COLUMN("SalesRepPhone", KISS_TEXT, "r.phone"), .nullable = 1, NOT_FOR_SUPPLIER },
    { COLUMN("SalesRepUserID", KISS_QUANTITY, "c.sales_rep_user_id"), .nullable = 1, NOT_FOR_SUPPLIER },
    { COLUMN("ProfilePictureURL", KISS_TEXT, "r.profile_picture_url"), .nullable = 1, NOT_FOR_SUPPLIER },
    { COLUMN("CollectionAgentFullName", KISS_TEXT, "g.full_name"), .nullable = 1, NOT_FOR_SUPPLIER },
    { COLUMN("CollectionAgentEmail", KISS_TEXT, "g.email"), .nullable = 1, NOT_FOR_SUPPLIER },
    TEXT("State", "c.state"), TEXT_NULL("DeliveryDays", "c.delivery_days"),
    { COLUMN("NextDeliveryDates", KISS_COMING_TEXT, "c.delivery_days"), .nullable = 1, NOT_FOR_SUPPLIER },
    TEXT("AccountStatus", "c.account_status"),
    { COLUMN("DeliveryDates", KISS_COMING_DAYS, "c.delivery_days"), .nullable = 1 },
    { COLUMN("DeliveryMinimum", KISS_QUANTITY, "c.delivery_minimum"), .nullable = 1, NOT_FOR_SUPPLIER },
    TIME("TimeUpdated", "c.time_updated"), { 0 }
};

static const kiss_pageset customers = {
    .item = "Customer",
    .table = "customer c",
    .key = { "c.customer_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "c.customer_id IN ({accounts})",
                [KISS_ROLE_SUPPLIER] = CUSTOMER_OF_STATES("c.state") },
    .order = "c.customer_id",
    .join = "customer c ON c.customer_id = page.k1 LEFT JOIN portal_user r ON r.user_id = c.sales_rep_user_id"
            " LEFT JOIN portal_user g ON g.user_id = c.collection_agent_user_id",
    .columns = customer_columns,
    .daily = 1
};

static const kiss_param customer_params[] = {
    NUMBERS("CustomerIDs", "c.customer_id IN ({})"), TEXTS("States", "c.state IN ({})"),
    { PARAM("AccountStatuses", KISS_PARAM_WORDS, "c.account_status IN ({})"), SOME_OF("Active,Inactive,OutOfBus"),
    .fallback = "Active" },
    { PARAM("OnHold", KISS_PARAM_BOOLEANS, "c.on_hold IN ({})") }, { 0 }
};

static const kiss_param customer_id[] = { { PARAM("customerID", KISS_PARAM_NUMBER, "c.customer_id = {}") }, { 0 } };

static const kiss_column customer_credit_term_columns[] = {
    NUMBER("CustomerID", "t.customer_id"), NUMBER("SupplierID", "t.supplier_id"), NUMBER("TermID", "t.term_id"),
    TEXT("Term", "m.term"), TIME("TimeUpdated", "t.time_updated"), { 0 }
};

static const kiss_pageset customer_credit_terms = {
    .item = "CustomerCreditTerm",
    .table = "customer_credit_term t",
    .key = { "t.customer_id", "t.supplier_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "t.customer_id IN ({accounts})",
                [KISS_ROLE_SUPPLIER] = "t.supplier_id IN ({accounts})" },
    .order = "t.customer_id, t.supplier_id",
    .join = "customer_credit_term t ON t.customer_id = page.k1 AND t.supplier_id = page.k2"
            " JOIN credit_term m ON m.term_id = t.term_id",
    .columns = customer_credit_term_columns
};

static const kiss_param customer_credit_term_params[] = {
    NUMBERS("CustomerIDs", "t.customer_id IN ({})"), NUMBERS("SupplierIDs", "t.supplier_id IN ({})"), { 0 }
};

static const kiss_column delivery_day_columns[] = {
    NUMBER("CustomerID", "c.customer_id"), TEXT_NULL("DeliveryDays", "c.delivery_days"),
    { COLUMN("DeliveryDates", KISS_COMING_DAYS, "c.delivery_days"), .nullable = 1 }, { 0 }
};

static const kiss_pageset delivery_days = {
    .item = "DeliverySchedule",
    .table = "customer c",
    .key = { "c.customer_id" },
    .where = "c.account_status = 'Active'",
    .filter = { [KISS_ROLE_CUSTOMER] = "c.customer_id IN ({accounts})",
                [KISS_ROLE_SUPPLIER] = CUSTOMER_OF_STATES("c.state") },
    .order = "c.customer_id",
    .join = "customer c ON c.customer_id = page.k1",
    .columns = delivery_day_columns,
    .daily = 1
};

static const kiss_param delivery_day_params[] = {
    NUMBERS("CustomerIDs", "c.customer_id IN ({})"), TEXTS("States", "c.state IN ({})"), { 0 }
};

/* --- 8 to 10: stock --- */

static const kiss_column inventory_columns[] = {
    NUMBER("LocationID", "n.location_id"), NUMBER("ProductID", "n.product_id"),
    FIXED("OnFloorInventory", 2, "n.on_floor_inventory"), FIXED("PreSales", 2, "n.pre_sales"),
    FIXED("Allocated", 2, "n.allocated"), FLAG("NotAuthorized", "n.not_authorized"),
    NUMBER("AvailableUnits", "n.on_floor_inventory - n.pre_sales - n.allocated"),
    NUMBER("PurchaseTransID", "n.purchase_trans_id"), FIXED("DOI", 2, "n.doi"),
    FIXED("AvgDailySales90d", 2, "n.avg_daily_sales_90d"),
    FIXED("Inventory", 2, "n.on_floor_inventory + n.received + n.loaded + n.picked + n.delivered + n.unsellable"),
    FIXED("Received", 2, "n.received"), FIXED("Loaded", 2, "n.loaded"), FIXED("Picked", 2, "n.picked"),
    FIXED("Delivered", 2, "n.delivered"), FIXED("Unsellable", 2, "n.unsellable"), TIME("TimeUpdated", "n.time_updated"),
    { 0 }
};

static const kiss_pageset inventory = {
    .item = "Inventory",
    .table = "inventory n",
    .key = { "n.location_id", "n.product_id" },
    .filter = { [KISS_ROLE_SUPPLIER] = PRODUCT_OF_ACCOUNTS("n.product_id") },
    .order = "n.location_id, n.product_id",
    .join = "inventory n ON n.location_id = page.k1 AND n.product_id = page.k2",
    .columns = inventory_columns
};

static const kiss_param inventory_params[] = {
    BY_PRODUCT_SUPPLIER("n.product_id"), NUMBERS("ProductIDs", "n.product_id IN ({})"),
    NUMBERS("LocationIDs", "n.location_id IN ({})"), BY_LOCATION_STATE("n.location_id"), { 0 }
};

static const kiss_column batch_columns[] = {
    NUMBER("LocationID", "b.location_id"), NUMBER("ProductID", "b.product_id"), NUMBER("SupplierID", "p.supplier_id"),
    TEXT("State", "l.state"), NUMBER("InventoryUnits", "b.inventory_units"),
    NUMBER("PurchaseTransID", "b.purchase_trans_id"), DAY_NULL("ExpirationDate", "b.expiration_date"),
    TEXT_NULL("COAURL", "b.coa_url"), TEXT("BatchCode", "b.batch_code"), TEXT_NULL("Vintage", "b.vintage"),
    TEXT_NULL("UID", "b.uid"), TEXT_NULL("Laboratory", "b.laboratory"), DAY_NULL("BestByDate", "b.best_by_date"),
    DAY_NULL("HarvestDate", "b.harvest_date"), DAY_NULL("ManufactureDate", "b.manufacture_date"),
    DAY_NULL("PackDate", "b.pack_date"),
    DAY_NULL("COAExpirationDate", "b.coa_expiration_date"), TEXT("PotencyType", "b.potency_type"),
    FIXED_NULL("THCPotency", 2, "b.thc_potency"), FIXED_NULL("CBDPotency", 2, "b.cbd_potency"),
    FIXED_NULL("TotalCannabinoids", 2, "b.total_cannabinoids"), FIXED_NULL("LabelTHCPotency", 2, "b.label_thc_potency"),
    FIXED_NULL("LabelCBDPotency", 2, "b.label_cbd_potency"),
    FIXED_NULL("LabelTotalCannabinoids", 2, "b.label_total_cannabinoids"), TIME("TimeCreated", "b.time_created"),
    TIME("TimeUpdated", "b.time_updated"), { 0 }
};

static const kiss_pageset batches = {
    .item = "InventoryBatch",
    .table = "inventory_batch b",
    .key = { "b.batch_id" },
    .where = "EXISTS (SELECT 1 FROM inventory n WHERE n.location_id = b.location_id AND n.product_id = b.product_id)",
    .filter = { [KISS_ROLE_SUPPLIER] = PRODUCT_OF_ACCOUNTS("b.product_id") },
    .order = "b.location_id, b.product_id, b.batch_id",
    .join = "inventory_batch b ON b.batch_id = page.k1 JOIN product p ON p.product_id = b.product_id"
            " JOIN location l ON l.location_id = b.location_id",
    .columns = batch_columns
};

static const kiss_param batch_params[] = {
    BY_PRODUCT_SUPPLIER("b.product_id"), NUMBERS("ProductIDs", "b.product_id IN ({})"),
    NUMBERS("LocationIDs", "b.location_id IN ({})"), BY_LOCATION_STATE("b.location_id"),
    TEXTS("BatchCodes", "b.batch_code IN ({})"), { 0 }
};

static const kiss_column retailer_inventory_columns[] = {
    NUMBER("ID", "n.id"), NUMBER("ProductID", "n.product_id"), NUMBER("CustomerID", "n.customer_id"),
    TIME("LastInventoryDate", "n.last_inventory_date"), FIXED("Inventory", 2, "n.inventory"),
    FIXED("DailySales", 2, "n.daily_sales"), TIME("TimeUpdated", "n.time_updated"),
    TIME("TimeCreated", "n.time_created"),
    { 0 }
};

static const kiss_pageset retailer_inventory = {
    .item = "RetailerInventory",
    .table = "retailer_inventory n",
    .key = { "n.id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "n.customer_id IN ({accounts})",
                [KISS_ROLE_SUPPLIER] = PRODUCT_OF_ACCOUNTS("n.product_id") },
    .order = "n.customer_id, n.product_id, n.id",
    .join = "retailer_inventory n ON n.id = page.k1",
    .columns = retailer_inventory_columns
};

static const kiss_param retailer_inventory_params[] = {
    NUMBERS("CustomerIDs", "n.customer_id IN ({})"), BY_PRODUCT_SUPPLIER("n.product_id"),
    NUMBERS("ProductIDs", "n.product_id IN ({})"), BY_CUSTOMER_STATE("n.customer_id"), { 0 }
};

/* --- 11 to 17: invoices --- */

/* The sums of all lines; an invoice without lines has none. */
#define SUMS " LEFT JOIN invoice_sum n ON n.invoice_id = page.k1"

/* The part of an invoice's sums that a Supplier key sees: that of its own accounts. The rows of a page's invoices are
 * read by their key and grouped; a grouped subquery would be materialised with all invoices of the accounts, as soon as
 * the server has statistics of the table. */
#define OWN_PART \
    " JOIN invoice_supplier o FORCE INDEX (PRIMARY) ON o.invoice_id = page.k1 AND o.supplier_id IN ({accounts})"
#define TOTAL(name, digits, column) \
    { COLUMN(name, KISS_FIXED, "COALESCE(n." column ", 0)"), .scale = digits, \
      .for_role = { [KISS_ROLE_SUPPLIER] = "SUM(o." column ")" } }

/* Never null in the contract: an invoice without due date, also with '0000-00-00', is due immediately. */
#define DUE_DATE "IF(YEAR(i.due_date) > 0, i.due_date, i.date)"

static const kiss_column invoice_columns[] = {
    NUMBER("InvoiceID", "i.invoice_id"), NUMBER("CustomerID", "i.customer_id"), TEXT("CustomerName", "c.customer_name"),
    TEXT("InvoiceNum", "i.invoice_num"), FIXED("OpenDebit", 6, "i.open_debit"), FIXED("OpenCredit", 6, "i.open_credit"),
    TEXT_NULL("PONum", "i.po_num"), TIME_NULL("PODate", "i.po_date"), NUMBER("TermID", "i.term_id"),
    TEXT_NULL("PDFURL", "i.pdf_url"), TEXT_NULL("Memo", "i.memo"), TIME("Date", "i.date"), TIME("DueDate", DUE_DATE),
    NUMBER("Status", "i.status"), FIXED("InvoiceTotal", 6, "i.invoice_total"),
    NUMBER_NULL("SubmittedByUserID", "i.submitted_by_user_id"), TEXT_NULL("SubmittedByUserName", "s.full_name"),
    TEXT_NULL("SubmittedByUserEmail", "s.email"), NUMBER_NULL("BuiltByUserID", "i.built_by_user_id"),
    TEXT_NULL("BuiltByUserName", "b.full_name"), TEXT_NULL("BuiltByUserEmail", "b.email"),
    TIME("InvoiceTimeCreated", "i.invoice_time_created"), TIME("InvoiceLastUpdated", "i.invoice_last_updated"),
    TEXT_NULL("ARNote", "i.ar_note"), TOTAL("TotalNumUnits", 0, "total_num_units"),
    TOTAL("TotalCases", 2, "total_cases"),
    TOTAL("TotalFullPrice", 6, "total_full_price"), TOTAL("TotalExtPrice", 6, "total_ext_price"),
    { COLUMN("TotalDiscount", KISS_FIXED, "COALESCE(n.total_full_price - n.total_ext_price, 0)"), .scale = 6,
      .for_role = { [KISS_ROLE_SUPPLIER] = "SUM(o.total_full_price) - SUM(o.total_ext_price)" } },
    FIXED("OpenBalance", 6, "i.open_balance"), { 0 }
};

#define INVOICE_ORDER "i.date DESC, i.invoice_id DESC"
#define INVOICE_JOIN \
    "invoice i ON i.invoice_id = page.k1 JOIN customer c ON c.customer_id = i.customer_id" \
    " LEFT JOIN portal_user s ON s.user_id = i.submitted_by_user_id LEFT JOIN portal_user b ON b.user_id = i.built_by_user_id"

static const kiss_pageset supplier_invoices = {
    .item = "Invoice",
    .table = "invoice_supplier i",
    .key = { "i.invoice_id" },
    .dedup_accounts = 1,
    .filter = { [KISS_ROLE_SUPPLIER] = "i.supplier_id IN ({accounts})" },
    .order = INVOICE_ORDER,
    .join = INVOICE_JOIN OWN_PART,
    .columns = invoice_columns
};

static const kiss_pageset invoices = {
    .item = "Invoice",
    .table = "invoice i",
    .key = { "i.invoice_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "i.customer_id IN ({accounts})" },
    .order = INVOICE_ORDER,
    .join = INVOICE_JOIN SUMS,
    .columns = invoice_columns,
    .for_supplier = &supplier_invoices
};

static const kiss_param invoice_params[] = {
    NUMBERS("CustomerIDs", "i.customer_id IN ({})"), NUMBERS("InvoiceIDs", "i.invoice_id IN ({})"),
    BY_CUSTOMER_STATE("i.customer_id"),
    { PARAM("Statuses", KISS_PARAM_WORDS, "i.status IN ({})"), SOME_OF(INVOICE_STATUSES), .fallback = "1" },
    { PARAM("StartDate", KISS_PARAM_DATE, "i.date >= {}") },
    { PARAM("EndDate", KISS_PARAM_DATE, "i.date <= " END_OF_DAY) }, { 0 }
};

static const kiss_param invoice_id[] = { { PARAM("invoiceID", KISS_PARAM_NUMBER, "i.invoice_id = {}") }, { 0 } };

static const kiss_column line_columns[] = {
    NUMBER("InvoiceTransID", "l.invoice_trans_id"), NUMBER("InvoiceID", "l.invoice_id"),
    NUMBER("CustomerID", "i.customer_id"), NUMBER("ProductID", "l.product_id"), TEXT("ProductName", "p.product_name"),
    FIXED("Cases", 2, "l.cases"), NUMBER("NumUnits", "l.num_units"), NUMBER("Ordered", "l.ordered"),
    NUMBER("BackOrder", "l.back_order"), FIXED("FullPrice", 6, "l.full_price"),
    FIXED("Discount", 6, "l.full_price - l.unit_price"), FIXED("UnitPrice", 6, "l.unit_price"),
    FIXED("ExtPrice", 6, "l.ext_price"), TIME("TimeUpdated", "l.time_updated"), NUMBER("SupplierID", "l.supplier_id"),
    NUMBER_NULL("PromotionID", "l.promotion_id"), TIME("TimeCreated", "l.time_created"),
    TEXT_NULL("BatchCode", "l.batch_code"), TEXT_NULL("COA_URL", "a.coa_url"), NUMBER_NULL("ReasonID", "l.reason_id"),
    TEXT_NULL("Reason", "l.reason"), { 0 }
};

#define LINE_SCOPE \
    { [KISS_ROLE_CUSTOMER] = INVOICE_OF_ACCOUNTS("l.invoice_id"), [KISS_ROLE_SUPPLIER] = "l.supplier_id IN ({accounts})" }

static const kiss_pageset lines = {
    .item = "InvoiceTransaction",
    .table = "invoice_line l",
    .key = { "l.invoice_trans_id" },
    .filter = LINE_SCOPE,
    .order = "l.invoice_trans_id",
    .join = "invoice_line l ON l.invoice_trans_id = page.k1 JOIN invoice i ON i.invoice_id = l.invoice_id"
            " JOIN product p ON p.product_id = l.product_id"
            " LEFT JOIN invoice_coa a ON a.invoice_trans_id = l.invoice_trans_id",
    .columns = line_columns
};

static const kiss_param line_params[] = {
    { PARAM("InvoiceIDs", KISS_PARAM_NUMBERS, "l.invoice_id IN ({})"), .required = 1 },
    { PARAM("Statuses", KISS_PARAM_WORDS, "l.invoice_id IN (SELECT invoice_id FROM invoice WHERE status IN ({}))"),
      INVOICE_STATUSES }, { 0 }
};

static const kiss_param line_invoice_id[] = { { PARAM("invoiceID", KISS_PARAM_NUMBER, "l.invoice_id = {}") }, { 0 } };

static const kiss_column coa_columns[] = {
    NUMBER("InvoiceID", "l.invoice_id"), NUMBER("ProductID", "l.product_id"),
    NUMBER("InvoiceTransID", "l.invoice_trans_id"), TEXT("BatchCode", "l.batch_code"), TEXT("COA_URL", "a.coa_url"),
    TIME("TimeCreated", "a.time_created"), TIME("TimeUpdated", "a.time_updated"), { 0 }
};

static const kiss_pageset coas = {
    .item = "InvoiceCOA",
    .table = "invoice_line l JOIN invoice_coa a ON a.invoice_trans_id = l.invoice_trans_id",
    .key = { "l.invoice_trans_id" },
    .filter = LINE_SCOPE,
    .order = "l.invoice_id, l.invoice_trans_id",
    .join = "invoice_line l ON l.invoice_trans_id = page.k1 JOIN invoice_coa a ON a.invoice_trans_id = l.invoice_trans_id",
    .columns = coa_columns
};

static const kiss_param coa_params[] = {
    { PARAM("InvoiceIDs", KISS_PARAM_NUMBERS, "l.invoice_id IN ({})"), .required = 1 }, { 0 }
};

static const kiss_column credit_term_columns[] = {
    NUMBER("TermID", "m.term_id"), TEXT("Term", "m.term"), NUMBER("DaysOfCredit", "m.days_of_credit"),
    FLAG("AccountOnHold", "m.account_on_hold"), TIME("TimeUpdated", "m.time_updated"), { 0 }
};

static const kiss_pageset credit_terms = {
    .item = "CreditTerm",
    .table = "credit_term m",
    .key = { "m.term_id" },
    .order = "m.term_id",
    .join = "credit_term m ON m.term_id = page.k1",
    .columns = credit_term_columns
};

static const kiss_param credit_term_params[] = { NUMBERS("TermIDs", "m.term_id IN ({})"), { 0 } };

/* --- 18, 19: warehouses --- */

static const kiss_column location_columns[] = {
    NUMBER("LocationID", "l.location_id"), TEXT("Location", "l.location"), TEXT("DBA", "l.dba"),
    TEXT("Address", "l.address"),
    TEXT_NULL("Address2", "l.address2"), TEXT_NULL("Address3", "l.address3"), TEXT("City", "l.city"),
    TEXT("State", "l.state"), TEXT("PostalCode", "l.postal_code"), TIME("TimeUpdated", "l.time_updated"), { 0 }
};

static const kiss_pageset locations = {
    .item = "Location",
    .table = "location l",
    .key = { "l.location_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = OF_STATES("l.state") },
    .order = "l.location_id",
    .join = "location l ON l.location_id = page.k1",
    .columns = location_columns
};

static const kiss_param location_params[] = {
    NUMBERS("LocationIDs", "l.location_id IN ({})"), TEXTS("States", "l.state IN ({})"), { 0 }
};

static const kiss_param location_id[] = { { PARAM("locationID", KISS_PARAM_NUMBER, "l.location_id = {}") }, { 0 } };

/* --- 20, 21: promotions --- */

static const kiss_column menu_promotion_columns[] = {
    NUMBER("MenuPromotionID", "m.menu_promotion_id"), NUMBER("SupplierID", "m.supplier_id"),
    TEXT("SupplierName", "s.supplier"), TEXT("State", "m.state"), TEXT("Description", "m.description"),
    DAY("StartDate", "m.start_date"), DAY("EndDate", "m.end_date"), TIME("TimeCreated", "m.time_created"),
    TIME("TimeUpdated", "m.time_updated"), { 0 }
};

static const kiss_pageset menu_promotions = {
    .item = "MenuPromotion",
    .table = "menu_promotion m",
    .key = { "m.menu_promotion_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = OF_STATES("m.state"), [KISS_ROLE_SUPPLIER] = "m.supplier_id IN ({accounts})" },
    .order = "m.menu_promotion_id",
    .join = "menu_promotion m ON m.menu_promotion_id = page.k1 JOIN supplier s ON s.supplier_id = m.supplier_id",
    .columns = menu_promotion_columns
};

static const kiss_param menu_promotion_params[] = {
    NUMBERS("SupplierIDs", "m.supplier_id IN ({})"), TEXTS("States", "m.state IN ({})"),
    { PARAM("StartDate", KISS_PARAM_DATE, "m.end_date >= {}") },
    { PARAM("EndDate", KISS_PARAM_DATE, "m.start_date <= {}") }, { 0 }
};

static const kiss_column promotion_columns[] = {
    NUMBER("PromotionID", "o.promotion_id"), NUMBER("PromotionTypeID", "o.promotion_type_id"),
    TEXTS_ARRAY("States", "(SELECT JSON_ARRAYAGG(z.state ORDER BY z.state) FROM promotion_state z"
                    " WHERE z.promotion_id = o.promotion_id)"),
    TEXT("PromotionName", "o.promotion_name"), TEXT("ProductOverrideType", "o.product_override_type"),
    NUMBER_NULL("UnitPrice", "o.unit_price"), DAY("StartDate", "o.start_date"), DAY_NULL("EndDate", "o.end_date"),
    FLAG("AllProducts", "o.all_products"),
    IDS_ARRAY("ProductIDs", "(SELECT JSON_ARRAYAGG(y.product_id ORDER BY y.product_id) FROM promotion_product y"
                        " WHERE y.promotion_id = o.promotion_id)"),
    TIME("TimeUpdated", "o.time_updated"), { 0 }
};

static const kiss_pageset promotions = {
    .item = "Promotion",
    .table = "promotion o",
    .key = { "o.promotion_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "(EXISTS (SELECT 1 FROM promotion_state z WHERE z.promotion_id = o.promotion_id"
                                      " AND z.state IN ({states}))"
                                      " OR " HAS_STATES
                                      " AND NOT EXISTS (SELECT 1 FROM promotion_state z WHERE z.promotion_id = o.promotion_id))",
               [KISS_ROLE_SUPPLIER] = "o.supplier_id IN ({accounts})" },
    .order = "o.promotion_id",
    .join = "promotion o ON o.promotion_id = page.k1",
    .columns = promotion_columns
};

static const kiss_param promotion_params[] = {
    NUMBERS("SupplierIDs", "o.supplier_id IN ({})"),
    TEXTS("States", "o.promotion_id IN (SELECT promotion_id FROM promotion_state WHERE state IN ({}))"), { 0 }
};

/* --- 22 to 24: products --- */

static const kiss_column category_columns[] = {
    NUMBER("ProductCategoryID", "g.product_category_id"), TEXT("CategoryName", "g.category_name"),
    NUMBER("Sequence", "g.sequence"), TIME("TimeUpdated", "g.time_updated"), { 0 }
};

static const kiss_pageset categories = {
    .item = "ProductCategory",
    .table = "product_category g",
    .key = { "g.product_category_id" },
    .order = "g.sequence, g.product_category_id",
    .join = "product_category g ON g.product_category_id = page.k1",
    .columns = category_columns
};

static const kiss_param no_params[] = { { 0 } };

static const kiss_column product_columns[] = {
    NUMBER("ProductID", "p.product_id"), TEXT("Supplier", "s.supplier"), NUMBER("SupplierID", "p.supplier_id"),
    TEXT("ProductName", "p.product_name"), TEXT("BrandFamily", "p.brand_family"),
    TEXT("ProductTypeName", "p.product_type_name"), TEXT("UnitNetWeight", "p.unit_net_weight"),
    NUMBER("WholesaleUnitsPerCase", "p.wholesale_units_per_case"), TEXT_NULL("Description", "p.description"),
    TEXT_NULL("Ingredients", "p.ingredients"), TEXT_NULL("ThumbnailImageURL", "p.thumbnail_image_url"),
    TEXT_NULL("FullSizeImageURL", "p.full_size_image_url"), TEXT_NULL("Potency", "p.potency"),
    TEXT_NULL("PotencyTHC", "p.potency_thc"), TEXT_NULL("Blend", "p.blend"), TEXT("KSSMenuCategory", "g.category_name"),
    NUMBER("KSSLiveCategoryID", "p.product_category_id"), NUMBER("StatusID", "p.status_id"),
    TIME("TimeUpdated", "p.time_updated"), TEXT("State", "p.state"), FLAG("IsSample", "p.is_sample"),
    NUMBER("ProductGroupID", "p.product_group_id"), TEXT_NULL("BrandStyle", "p.brand_style"),
    NUMBER("PackageID", "p.package_id"), TEXT("PackageName", "p.package_name"),
    NUMBER("ProductTypeID", "p.product_type_id"),
    TEXT_NULL("StrainName", "p.strain_name"), NUMBER_NULL("StrainID", "p.strain_id"), TEXT_NULL("Flavor", "p.flavor"),
    NUMBER("BrandID", "p.brand_id"), TEXT("BrandName", "p.brand_name"),
    TEXT_NULL("SupplierProductNumber", "p.supplier_product_number"), { 0 }
};

static const kiss_pageset products = {
    .item = "Product",
    .table = "product p",
    .key = { "p.product_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = OF_STATES("p.state"), [KISS_ROLE_SUPPLIER] = "p.supplier_id IN ({accounts})" },
    .order = "p.product_id",
    .join = "product p ON p.product_id = page.k1 LEFT JOIN supplier s ON s.supplier_id = p.supplier_id"
            " LEFT JOIN product_category g ON g.product_category_id = p.product_category_id",
    .columns = product_columns
};

static const kiss_param product_params[] = {
    NUMBERS("SupplierIDs", "p.supplier_id IN ({})"), NUMBERS("ProductIDs", "p.product_id IN ({})"),
    TEXTS("States", "p.state IN ({})"),
    { PARAM("Statuses", KISS_PARAM_WORDS, "p.status_id IN ({})"), SOME_OF("0,1,2,3,4,5"),
    .fallback = "1", .unless = "ProductIDs",
      .locked_for = KISS_CUSTOMER },
    TEXTS("SupplierProductNumbers", "p.supplier_product_number IN ({})"), { 0 }
};

static const kiss_param product_id[] = { { PARAM("productID", KISS_PARAM_NUMBER, "p.product_id = {}") }, { 0 } };

/* --- 25: states --- */

static const kiss_column state_columns[] = {
    TEXT("StateAbbreviation", "s.state"), TEXT("StateName", "s.state_name"),
    TEXT("OrderCutOffTime", "s.order_cut_off_time"), TEXT("TimeZone", "s.time_zone"),
    TEXT("OrderCutOffDaysInAdvance", "s.order_cut_off_days_in_advance"), TIME("TimeUpdated", "s.time_updated"), { 0 }
};

static const kiss_pageset states = {
    .item = "State",
    .table = "state s",
    .key = { "s.state" },
    .where = "s.active = 1",
    .filter = { [KISS_ROLE_CUSTOMER] = "s.state IN ({states})", [KISS_ROLE_SUPPLIER] = CUSTOMER_OF_STATES("s.state") },
    .order = "s.state",
    .join = "state s ON s.state = page.k1",
    .columns = state_columns
};

static const kiss_param state_params[] = { TEXTS("States", "s.state IN ({})"), { 0 } };

/* --- 26 to 28: suppliers --- */

static const kiss_column supplier_columns[] = {
    NUMBER("SupplierID", "u.supplier_id"), TEXT("Supplier", "u.supplier"), TEXT("State", "u.state"),
    FLAG("Active", "u.active"), TEXT_NULL("Description", "u.description"),
    TEXT_NULL("BrandAssetsURL", "u.brand_assets_url"), TEXT_NULL("SupplierWebsiteURL", "u.supplier_website_url"),
    TIME("TimeUpdated", "u.time_updated"), { 0 }
};

static const kiss_pageset suppliers = {
    .item = "Supplier",
    .table = "supplier u",
    .key = { "u.supplier_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "u.active = 1 AND " OF_STATES("u.state"),
                [KISS_ROLE_SUPPLIER] = "u.supplier_id IN ({accounts})" },
    .order = "u.supplier_id",
    .join = "supplier u ON u.supplier_id = page.k1",
    .columns = supplier_columns
};

#define NOT_EMPLOYEE (KISS_CUSTOMER | KISS_SUPPLIER)
#define ACTIVE_UNLESS_EMPLOYEE(where) \
    { PARAM("Active", KISS_PARAM_BOOLEANS, where), .fallback = "true", .fallback_for = NOT_EMPLOYEE, \
      .locked_for = NOT_EMPLOYEE }
#define ACTIVE_LOCKED(where) { PARAM("Active", KISS_PARAM_BOOLEANS, where), .fallback = "true", .locked_for = NOT_EMPLOYEE }

static const kiss_param supplier_params[] = {
    NUMBERS("SupplierIDs", "u.supplier_id IN ({})"), TEXTS("States", "u.state IN ({})"),
    ACTIVE_UNLESS_EMPLOYEE("u.active IN ({})"), { 0 }
};

static const kiss_param supplier_id[] = { { PARAM("supplierID", KISS_PARAM_NUMBER, "u.supplier_id = {}") }, { 0 } };

static const kiss_column supplier_credit_term_columns[] = {
    NUMBER("SupplierID", "t.supplier_id"), NUMBER("TermID", "t.term_id"), TEXT("Term", "m.term"),
    TIME("TimeUpdated", "t.time_updated"), { 0 }
};

static const kiss_pageset supplier_credit_terms = {
    .item = "SupplierCreditTerm",
    .table = "supplier_credit_term t",
    .key = { "t.term_id", "t.supplier_id" },
    .filter = { [KISS_ROLE_SUPPLIER] = "t.supplier_id IN ({accounts})" },
    .order = "t.term_id, t.supplier_id",
    .join = "supplier_credit_term t ON t.term_id = page.k1 AND t.supplier_id = page.k2"
            " JOIN credit_term m ON m.term_id = t.term_id",
    .columns = supplier_credit_term_columns
};

static const kiss_param supplier_credit_term_params[] = { NUMBERS("SupplierIDs", "t.supplier_id IN ({})"), { 0 } };

/* --- 29, 30: users --- */

/* Of a user's customers and suppliers a key sees only those that it has access to: a buyer of several chains must not
 * reveal one to the other. Nor does it find users by the others. */
#define OF_USER(table, column) \
    "(SELECT JSON_ARRAYAGG(x." column " ORDER BY x." column ") FROM " table " x WHERE x.user_id = u.user_id)"

static const kiss_column user_columns[] = {
    NUMBER("UserID", "u.user_id"), NUMBER("SiteUserID", "u.site_user_id"), FLAG("UserActive", "u.active"),
    FLAG("KSSLiveAccess", "u.kss_live_access"), TEXT_NULL("Email", "u.email"),
    TEXTS_ARRAY("States", OF_USER("user_state", "state")),
    TEXT("Role", "u.role"),
    { COLUMN("CustomerIDs", KISS_JSON, OF_USER("user_customer", "customer_id")), .element = KISS_QUANTITY, .nullable = 1,
      .for_role = { [KISS_ROLE_CUSTOMER] = "(SELECT JSON_ARRAYAGG(x.customer_id ORDER BY x.customer_id) FROM user_customer x"
                                           " WHERE x.user_id = u.user_id AND x.customer_id IN ({accounts}))",
                    [KISS_ROLE_SUPPLIER] = "(SELECT JSON_ARRAYAGG(x.customer_id ORDER BY x.customer_id) FROM user_customer x"
                                           " JOIN customer c ON c.customer_id = x.customer_id"
                                           " WHERE x.user_id = u.user_id AND " CUSTOMER_OF_STATES("c.state") ")" } },
    { COLUMN("SupplierIDs", KISS_JSON, OF_USER("user_supplier", "supplier_id")), .element = KISS_QUANTITY, .nullable = 1,
      .for_role = { [KISS_ROLE_SUPPLIER] = "(SELECT JSON_ARRAYAGG(x.supplier_id ORDER BY x.supplier_id) FROM user_supplier x"
                                           " WHERE x.user_id = u.user_id AND x.supplier_id IN ({accounts}))" } },
    IDS_ARRAY_NULL("LocationIDs", OF_USER("user_location", "location_id")), FLAG("PowerUser", "u.power_user"),
    TEXT_NULL("JobTitle", "u.job_title"), TEXT_NULL("Department", "u.department"), TEXT("FullName", "u.full_name"),
    { 0 }
};

static const kiss_pageset users = {
    .item = "User",
    .table = "portal_user u",
    .key = { "u.user_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = "u.role = 'Customer'"
                                      " AND u.user_id IN (SELECT user_id FROM user_customer WHERE customer_id IN ({accounts}))",
               [KISS_ROLE_SUPPLIER] = "(u.role = 'Supplier' AND u.user_id IN"
                                      " (SELECT user_id FROM user_supplier WHERE supplier_id IN ({accounts}))"
                                      " OR u.role = 'Customer' AND u.active = 1 AND u.user_id IN"
                                      " (SELECT x.user_id FROM user_customer x JOIN customer c"
                                      " ON c.customer_id = x.customer_id WHERE " CUSTOMER_OF_STATES("c.state") "))" },
    .order = "u.user_id",
    .join = "portal_user u ON u.user_id = page.k1",
    .columns = user_columns
};

#define USERS_OF_CUSTOMERS(table) \
    { PARAM("CustomerIDs", KISS_PARAM_NUMBERS, "u.user_id IN (SELECT user_id FROM " table " WHERE customer_id IN ({}))"), \
      .where_customer = "u.user_id IN (SELECT user_id FROM " table " WHERE customer_id IN ({})" \
                        " AND customer_id IN ({accounts}))", \
      .where_supplier = "u.user_id IN (SELECT x.user_id FROM " table " x JOIN customer c ON c.customer_id = x.customer_id" \
                        " WHERE x.customer_id IN ({}) AND " CUSTOMER_OF_STATES("c.state") ")" }
#define USERS_OF_SUPPLIERS(table) \
    PARAM("SupplierIDs", KISS_PARAM_NUMBERS, "u.user_id IN (SELECT user_id FROM " table " WHERE supplier_id IN ({}))"), \
    .where_supplier = "u.user_id IN (SELECT user_id FROM " table " WHERE supplier_id IN ({}) AND supplier_id IN ({accounts}))"

static const kiss_param user_params[] = {
    NUMBERS("UserIDs", "u.user_id IN ({})"),
    TEXTS("States", "u.user_id IN (SELECT user_id FROM user_state WHERE state IN ({}))"),
    USERS_OF_CUSTOMERS("user_customer"), { USERS_OF_SUPPLIERS("user_supplier") },
    { PARAM("Roles", KISS_PARAM_WORDS, "u.role IN ({})"), SOME_OF("Customer,Supplier,Admin,DistributorRep") },
    ACTIVE_UNLESS_EMPLOYEE("u.active IN ({})"), { 0 }
};

static const kiss_param user_id[] = { { PARAM("userID", KISS_PARAM_NUMBER, "u.user_id = {}") }, { 0 } };

/* --- 31 to 35: payments --- */

static const kiss_column payment_type_columns[] = {
    NUMBER("PaymentTypeID", "t.payment_type_id"), TEXT("Name", "t.name"), NUMBER_NULL("SupplierID", "q.supplier_id"),
    TIME("TimeCreated", "t.time_created"), TIME("TimeUpdated", "t.time_updated"), { 0 }
};

static const kiss_pageset payment_types = {
    .item = "PaymentType",
    .table = "payment_type t LEFT JOIN payment_type_supplier q ON q.payment_type_id = t.payment_type_id",
    .key = { "t.payment_type_id", "q.supplier_id" },
    .filter = { [KISS_ROLE_SUPPLIER] = "(t.payment_type_id = -1 OR q.supplier_id IN ({accounts}))" },
    .order = "t.payment_type_id, q.supplier_id",
    .join = "payment_type t ON t.payment_type_id = page.k1 LEFT JOIN payment_type_supplier q"
            " ON q.payment_type_id = page.k1 AND q.supplier_id = page.k2",
    .columns = payment_type_columns
};

static const kiss_param payment_type_params[] = {
    NUMBERS("PaymentTypeIDs", "t.payment_type_id IN ({})"), NUMBERS("SupplierIDs", "q.supplier_id IN ({})"),
    ACTIVE_LOCKED("(q.supplier_id IN (SELECT supplier_id FROM supplier WHERE active IN ({}))"
                  " OR q.supplier_id IS NULL AND 1 IN ({}))"), { 0 }
};

#define BALANCE \
    "GREATEST(0, y.amount - COALESCE((SELECT SUM(a.amount) FROM payment_application a WHERE a.payment_id = y.payment_id" \
    " AND a.status IN ('Pending', 'Exported', 'Confirmed')), 0))"

static const kiss_column payment_columns[] = {
    NUMBER("PaymentID", "y.payment_id"), NUMBER("PaymentInvoiceID", "y.payment_invoice_id"),
    TEXT("PaymentInvoiceNum", "y.payment_invoice_num"), NUMBER("ARAccountID", "y.ar_account_id"),
    NUMBER("PaymentTypeID", "y.payment_type_id"), TEXT("PaymentTypeName", "t.name"), FIXED("Amount", 6, "y.amount"),
    NUMBER_NULL("SupplierID", "y.supplier_id"), NUMBER("LoadSheetStatusID", "y.load_sheet_status_id"),
    TIME("PostDate", "y.post_date"), TIME("TimeCreated", "y.time_created"), TIME("TimeUpdated", "y.time_updated"),
    TEXT_NULL("ARNote", "y.ar_note"), TEXT_NULL("Memo", "y.memo"), FIXED("AvailableBalance", 6, BALANCE),
    FIXED("AvailableAmount", 6, BALANCE), { 0 }
};

static const kiss_pageset payments = {
    .item = "Payment",
    .table = "payment y",
    .key = { "y.payment_id" },
    .filter = { [KISS_ROLE_CUSTOMER] = AR_ACCOUNT_OF_ACCOUNTS("y.ar_account_id"),
                [KISS_ROLE_SUPPLIER] = "y.supplier_id IN ({accounts})" },
    .order = "y.post_date DESC, y.payment_id DESC",
    .join = "payment y ON y.payment_id = page.k1 JOIN payment_type t ON t.payment_type_id = y.payment_type_id",
    .columns = payment_columns
};

static const kiss_param payment_params[] = {
    NUMBERS("ARAccountIDs", "y.ar_account_id IN ({})"), NUMBERS("SupplierIDs", "y.supplier_id IN ({})"),
    NUMBERS("PaymentTypeIDs", "y.payment_type_id IN ({})"), { 0 }
};

/* A supplier's part of the open balance is proportional to its part of the lines. */
#define OWN_BALANCE \
    "CASE WHEN COALESCE(n.total_ext_price, 0) = 0 THEN 0 ELSE i.open_balance * SUM(o.total_ext_price) / n.total_ext_price END"

/* The same in the scan that selects the page. Open is what a client sees as open: an OpenBalance of 0.00 is not. */
#define IS_OPEN(balance) "i.is_open = 1 AND CAST(" balance " AS DECIMAL(30,2)) <> 0"
#define OWN_BALANCE_OF_INVOICE \
    "(SELECT v.open_balance * (SELECT SUM(x.total_ext_price) FROM invoice_supplier x WHERE x.invoice_id = i.invoice_id" \
    " AND x.supplier_id IN ({accounts})) / NULLIF(t.total_ext_price, 0) FROM invoice v" \
    " JOIN invoice_sum t ON t.invoice_id = v.invoice_id WHERE v.invoice_id = i.invoice_id)"

static const kiss_column open_invoice_columns[] = {
    NUMBER("InvoiceID", "i.invoice_id"), TEXT("InvoiceNum", "i.invoice_num"), NUMBER("CustomerID", "i.customer_id"),
    NUMBER("ARAccountID", "i.ar_account_id"),
    { COLUMN("InvoiceTotal", KISS_FIXED, "i.invoice_total"), .scale = 2,
      .for_role = { [KISS_ROLE_SUPPLIER] = "SUM(o.total_ext_price)" } },
    { COLUMN("OpenDebit", KISS_FIXED, "i.open_debit"), .scale = 2, NOT_FOR_SUPPLIER },
    { COLUMN("OpenCredit", KISS_FIXED, "i.open_credit"), .scale = 2, NOT_FOR_SUPPLIER },
    { COLUMN("OpenBalance", KISS_FIXED, "i.open_balance"),
    .scale = 2, .for_role = { [KISS_ROLE_SUPPLIER] = OWN_BALANCE } },
    NUMBER("CreditTermID", "i.term_id"), NUMBER("TermID", "i.term_id"), TIME("DueDate", DUE_DATE),
    TIME("Date", "i.date"),
    TEXT_NULL("PONum", "i.po_num"), { 0 }
};

static const kiss_pageset supplier_open_invoices = {
    .item = "OpenInvoice",
    .table = "invoice_supplier i",
    .key = { "i.invoice_id" },
    .dedup_accounts = 1,
    .where = IS_OPEN(OWN_BALANCE_OF_INVOICE),
    .filter = { [KISS_ROLE_SUPPLIER] = "i.supplier_id IN ({accounts})" },
    .order = "i.date, i.invoice_id",
    .join = "invoice i ON i.invoice_id = page.k1" SUMS OWN_PART,
    .columns = open_invoice_columns
};

static const kiss_pageset open_invoices = {
    .item = "OpenInvoice",
    .table = "invoice i",
    .key = { "i.invoice_id" },
    .where = IS_OPEN("i.open_balance"),
    .filter = { [KISS_ROLE_CUSTOMER] = AR_ACCOUNT_OF_ACCOUNTS("i.ar_account_id") },
    .order = "i.date, i.invoice_id",
    .join = "invoice i ON i.invoice_id = page.k1",
    .columns = open_invoice_columns,
    .for_supplier = &supplier_open_invoices
};

static const kiss_param open_invoice_params[] = {
    { PARAM("ARAccountIDs", KISS_PARAM_NUMBERS, "i.ar_account_id IN ({})"),
      .where_supplier = "i.invoice_id IN (SELECT invoice_id FROM invoice WHERE ar_account_id IN ({}))" },
    { PARAM("SupplierIDs", KISS_PARAM_NUMBERS, "i.supplier_id IN ({})"), .only_for = KISS_SUPPLIER }, { 0 }
};

#define REQUESTED(sql) "CASE WHEN a.request_id IS NOT NULL THEN " sql " END"

static const kiss_column application_columns[] = {
    NUMBER_NULL("PaymentApplicationID", "a.payment_application_id"), NUMBER_NULL("RequestID", "a.request_id"),
    NUMBER("PaymentInvoiceID", "y.payment_invoice_id"), TEXT("PaymentInvoiceNum", "y.payment_invoice_num"),
    NUMBER("TargetInvoiceID", "a.target_invoice_id"), TEXT("TargetInvoiceNum", "i.invoice_num"),
    NUMBER("ARAccountID", "a.ar_account_id"), FIXED("Amount", 2, "a.amount"), TEXT("Status", "a.status"),
    NUMBER_NULL("RequestedByUserID", "a.requested_by_user_id"), TEXT_NULL("AppliedBy", "a.applied_by"),
    TIME_NULL("TimeRequested", "a.time_requested"), TIME_NULL("TimeExported", "a.time_exported"),
    TIME_NULL("TimeApplied", "a.time_applied"),
    TIME_NULL("TimeConfirmed", REQUESTED("a.time_applied")), NUMBER_NULL("MatchedPaymentApplicationID",
                                                                    REQUESTED("a.payment_application_id")),
    TIME("TimeCreated", "a.time_created"), TIME("TimeUpdated", "a.time_updated"), { 0 }
};

static const kiss_pageset applications = {
    .item = "PaymentApplication",
    .table = "payment_application a",
    .key = { "a.allocation_no" },
    .filter = { [KISS_ROLE_CUSTOMER] = AR_ACCOUNT_OF_ACCOUNTS("a.ar_account_id"),
                [KISS_ROLE_SUPPLIER] =
                    "a.payment_id IN (SELECT payment_id FROM payment WHERE supplier_id IN ({accounts}))" },
    .order = "a.is_waiting DESC, a.sort_time DESC, a.payment_application_id DESC, a.allocation_no DESC",
    .join = "payment_application a ON a.allocation_no = page.k1 JOIN payment y ON y.payment_id = a.payment_id"
            " JOIN invoice i ON i.invoice_id = a.target_invoice_id",
    .columns = application_columns
};

static const kiss_param application_params[] = {
    NUMBERS("ARAccountIDs", "a.ar_account_id IN ({})"),
    NUMBERS("SupplierIDs", "a.payment_id IN (SELECT payment_id FROM payment WHERE supplier_id IN ({}))"),
    TEXTS("PaymentInvoiceNums", "a.payment_id IN (SELECT payment_id FROM payment WHERE payment_invoice_num IN ({}))"),
    TEXTS("TargetInvoiceNums", "a.target_invoice_id IN (SELECT invoice_id FROM invoice WHERE invoice_num IN ({}))"),
    { PARAM("Statuses", KISS_PARAM_WORDS, "a.status IN ({})"), SOME_OF("Pending,Exported,Confirmed,Rejected") }, { 0 }
};

/* The answer of the POST, in the format of the earlier edition. */
static const kiss_column request_columns[] = {
    NUMBER("RequestID", "a.request_id"), TEXT("PaymentInvoiceNum", "y.payment_invoice_num"),
    TEXT("TargetInvoiceNum", "i.invoice_num"), NUMBER("ARAccountID", "a.ar_account_id"), FIXED("Amount", 2, "a.amount"),
    TEXT("Status", "a.status"), NUMBER_NULL("RequestedByUserID", "a.requested_by_user_id"),
    TIME("TimeRequested", "a.time_requested"), TIME_NULL("TimeExported", "a.time_exported"),
    TIME_NULL("TimeConfirmed", "a.time_applied"),
    NUMBER_NULL("MatchedPaymentApplicationID", "a.payment_application_id"), TIME("TimeUpdated", "a.time_updated"), { 0 }
};

static const kiss_pageset requests = {
    .item = "PaymentApplicationRequest",
    .table = "payment_application a",
    .key = { "a.allocation_no" },
    .filter = { [KISS_ROLE_CUSTOMER] = AR_ACCOUNT_OF_ACCOUNTS("a.ar_account_id"), [KISS_ROLE_SUPPLIER] = "0" },
    .order = "a.allocation_no",
    .join = "payment_application a ON a.allocation_no = page.k1 JOIN payment y ON y.payment_id = a.payment_id"
            " JOIN invoice i ON i.invoice_id = a.target_invoice_id",
    .columns = request_columns
};

static const kiss_param request_params[] = {
    { .name = "PaymentInvoiceNum", .type = KISS_PARAM_TEXT, .required = 1 },
    { .name = "TargetInvoiceNum", .type = KISS_PARAM_TEXT, .required = 1 },
    { .name = "ARAccountID", .type = KISS_PARAM_NUMBER, .required = 1 },
    { .name = "Amount", .type = KISS_PARAM_AMOUNT, .required = 1 }, { 0 }
};

/* --- 36 to 39: purchases --- */

static const kiss_column vendor_columns[] = {
    NUMBER("SupplierID", "w.supplier_id"), NUMBER("LocationID", "w.location_id"), NUMBER("VendorID", "w.vendor_id"),
    TEXT("VendorName", "v.vendor_name"), TEXT_NULL("VendorLicenseNumber", "v.vendor_license_number"),
    TEXT_NULL("VendorAddress", "v.vendor_address"), TEXT_NULL("VendorAddress2", "v.vendor_address2"),
    TEXT_NULL("VendorCity", "v.vendor_city"), TEXT_NULL("VendorState", "v.vendor_state"),
    TEXT_NULL("VendorPostalCode", "v.vendor_postal_code"), NUMBER("LeadTimeDays", "w.lead_time_days"),
    NUMBER("TargetDOI", "w.target_doi"), NUMBER("MaxDOI", "w.max_doi"),
    { COLUMN("PickupDates", KISS_SPLIT, "w.pickup_dates") }, FLAG("RequirePOBatchCodes", "w.require_po_batch_codes"),
    FLAG("Active", "w.active"), TIME("TimeUpdated", "w.time_updated"), { 0 }
};

static const kiss_pageset vendors = {
    .item = "Vendor",
    .table = "vendor_route w",
    .key = { "w.vendor_id", "w.supplier_id", "w.location_id" },
    .filter = { [KISS_ROLE_SUPPLIER] = "w.supplier_id IN ({accounts})" },
    .order = "w.vendor_id, w.supplier_id, w.location_id",
    .join = "vendor_route w ON w.vendor_id = page.k1 AND w.supplier_id = page.k2 AND w.location_id = page.k3"
            " JOIN vendor v ON v.vendor_id = w.vendor_id",
    .columns = vendor_columns
};

static const kiss_param vendor_params[] = {
    NUMBERS("SupplierIDs", "w.supplier_id IN ({})"), NUMBERS("LocationIDs", "w.location_id IN ({})"),
    NUMBERS("VendorIDs", "w.vendor_id IN ({})"), ACTIVE_LOCKED("w.active IN ({})"), { 0 }
};

static const kiss_column purchase_columns[] = {
    NUMBER("PurchaseID", "h.purchase_id"), TIME_NULL("ReceiveDate", "h.receive_date"),
    TEXT_NULL("ShipmentNum", "h.shipment_num"),
    NUMBER_NULL("ShipmentID", "h.shipment_id"), NUMBER("ToLocationID", "h.to_location_id"),
    TEXT("ToLocationName", "l.location"), TEXT("VendorName", "v.vendor_name"), NUMBER("VendorID", "h.vendor_id"),
    TIME_NULL("PostDate", "h.post_date"), TEXT("Status", "h.status"), TEXT_NULL("PONum", "h.po_num"),
    FIXED("Freight", 2, "h.freight"), FIXED("Tax", 2, "h.tax"), FIXED("OtherCost", 2, "h.other_cost"),
    FIXED("Total", 2, "h.total"), FIXED("TotalCases", 0, "h.total_cases"),
    TEXT_NULL("PublicPDFLink", "h.public_pdf_link"),
    TEXT_NULL("Memo", "h.memo"), TIME_NULL("InvoiceDate", "h.invoice_date"), TIME_NULL("DueDate", "h.due_date"),
    TEXT_NULL("Terms", "m.term"), NUMBER_NULL("TermID", "h.term_id"), TIME_NULL("LastEditTime", "h.last_edit_time"),
    TIME_NULL("LastCalcTime", "h.last_calc_time"), TIME("TimeUpdated", "h.time_updated"),
    TIME("TimeCreated", "h.time_created"),
    TEXT_NULL("ReceivingNum", "h.receiving_num"), TEXT_NULL("PurchaseGlobalID", "h.purchase_global_id"),
    TIME_NULL("PurchaseGlobalIDExportedAt", "h.purchase_global_id_exported_at"),
    NUMBER_NULL("PurchasePDFURLAPIKeyID", "h.purchase_pdf_url_api_key_id"), { 0 }
};

static const kiss_pageset purchases = {
    .item = "Purchase",
    .table = "purchase h",
    .key = { "h.purchase_id" },
    .filter = { [KISS_ROLE_SUPPLIER] = "h.supplier_id IN ({accounts})" },
    .order = "h.sort_date DESC, h.purchase_id",
    .join = "purchase h ON h.purchase_id = page.k1 JOIN location l ON l.location_id = h.to_location_id"
            " JOIN vendor v ON v.vendor_id = h.vendor_id LEFT JOIN credit_term m ON m.term_id = h.term_id",
    .columns = purchase_columns
};

static const kiss_param purchase_params[] = {
    NUMBERS("PurchaseIDs", "h.purchase_id IN ({})"), NUMBERS("VendorIDs", "h.vendor_id IN ({})"),
    NUMBERS("LocationIDs", "h.to_location_id IN ({})"),
    { PARAM("Statuses", KISS_PARAM_WORDS, "h.status IN ({})"), SOME_OF("New,Accepted,Received,Confirmed,Verified") },
    { PARAM("StartDate", KISS_PARAM_DATE, "h.sort_date >= {} AND h.post_date IS NOT NULL") },
    { PARAM("EndDate", KISS_PARAM_DATE, "h.sort_date <= " END_OF_DAY " AND h.post_date IS NOT NULL") }, { 0 }
};

static const kiss_param purchase_id[] = { { PARAM("purchaseID", KISS_PARAM_NUMBER, "h.purchase_id = {}") }, { 0 } };

static const kiss_column purchase_line_columns[] = {
    NUMBER("PurchaseTransID", "l.purchase_trans_id"), NUMBER("PurchaseID", "l.purchase_id"),
    NUMBER("ProductID", "l.product_id"), FIXED("Ordered", 0, "l.ordered"), FIXED("NumUnits", 0, "l.num_units"),
    FIXED("FOB", 2, "l.fob"), FIXED("DepositCost", 2, "l.deposit_cost"), FIXED("ExtPrice", 2, "l.ext_price"),
    TIME_NULL("ExpirationDate", "l.expiration_date"), TIME_NULL("CodeDate", "l.code_date"),
    TEXT_NULL("BatchCode", "l.batch_code"),
    FIXED("LaidInCost", 2, "l.laid_in_cost"), TEXT_NULL("PalletTag", "l.pallet_tag"), FIXED("Cases", 0, "l.cases"),
    FIXED("Weight", 2, "l.weight"), TIME("TimeUpdated", "l.time_updated"), TIME("TimeCreated", "l.time_created"), { 0 }
};

static const kiss_pageset purchase_lines = {
    .item = "PurchaseTransaction",
    .table = "purchase_line l",
    .key = { "l.purchase_trans_id" },
    .filter = { [KISS_ROLE_SUPPLIER] = "l.purchase_id IN (SELECT purchase_id FROM purchase WHERE supplier_id IN ({accounts}))" },
    .order = "l.purchase_trans_id",
    .join = "purchase_line l ON l.purchase_trans_id = page.k1",
    .columns = purchase_line_columns
};

static const kiss_param purchase_line_params[] = {
    { PARAM("PurchaseIDs", KISS_PARAM_NUMBERS, "l.purchase_id IN ({})"), .required = 1 }, { 0 }
};

/* --- 40: sales representatives --- */

/* The customers and suppliers of a rep, as far as the key has access to them. */
#define REP_SUPPLIERS(filter) \
    "(SELECT JSON_ARRAYAGG(JSON_OBJECT('SupplierID', s.supplier_id, 'Supplier', s.supplier) ORDER BY s.supplier_id)" \
    " FROM sales_rep_supplier x JOIN supplier s ON s.supplier_id = x.supplier_id" \
    " WHERE x.user_id = u.user_id AND s.active = 1 AND " filter ")"
#define REP_CUSTOMERS(filter) \
    "(SELECT JSON_ARRAYAGG(JSON_OBJECT('CustomerID', c.customer_id, 'CustomerName', c.customer_name) ORDER BY c.customer_id)" \
    " FROM sales_rep_customer x JOIN customer c ON c.customer_id = x.customer_id" \
    " WHERE x.user_id = u.user_id AND c.account_status = 'Active' AND " filter ")"

static const kiss_column rep_supplier_items[] = { NUMBER("SupplierID", NULL), TEXT("Supplier", NULL), { 0 } };
static const kiss_column rep_customer_items[] = { NUMBER("CustomerID", NULL), TEXT("CustomerName", NULL), { 0 } };

static const kiss_column sales_rep_columns[] = {
    NUMBER("UserID", "u.user_id"), TEXT("Name", "u.full_name"), TEXT("Email", "u.email"),
    TEXT("Type", "IF(EXISTS (SELECT 1 FROM sales_rep_group x WHERE x.user_id = u.user_id AND x.product_group = 'Supplier'),"
                 " 'Supplier Rep', 'Territory Manager')"),
    TEXTS_ARRAY("ProductGroups", OF_USER("sales_rep_group", "product_group")),
    { COLUMN("Suppliers", KISS_JSON, REP_SUPPLIERS("1")), .items = rep_supplier_items,
      .for_role = { [KISS_ROLE_CUSTOMER] = REP_SUPPLIERS(OF_STATES("s.state")),
                    [KISS_ROLE_SUPPLIER] = REP_SUPPLIERS("s.supplier_id IN ({accounts})") } },
    { COLUMN("Customers", KISS_JSON, REP_CUSTOMERS("1")), .items = rep_customer_items,
      .for_role = { [KISS_ROLE_CUSTOMER] = REP_CUSTOMERS("c.customer_id IN ({accounts})"),
                    [KISS_ROLE_SUPPLIER] = REP_CUSTOMERS(CUSTOMER_OF_STATES("c.state")) } },
    { 0 }
};

static const kiss_pageset sales_reps = {
    .item = "SalesRep",
    .table = "portal_user u",
    .key = { "u.user_id" },
    .where = "u.active = 1 AND EXISTS (SELECT 1 FROM sales_rep_group x WHERE x.user_id = u.user_id)",
    .filter = { [KISS_ROLE_CUSTOMER] = "u.user_id IN (SELECT user_id FROM sales_rep_customer WHERE customer_id IN ({accounts}))",
                [KISS_ROLE_SUPPLIER] =
                    "u.user_id IN (SELECT user_id FROM sales_rep_supplier WHERE supplier_id IN ({accounts}))" },
    .order = "u.full_name, u.user_id",
    .join = "portal_user u ON u.user_id = page.k1",
    .columns = sales_rep_columns
};

/* 'Supplier' selects Supplier Reps, any other group Territory Managers: a rep of both kinds of groups is a Supplier
 * Rep. */
static const kiss_param sales_rep_params[] = {
    { USERS_OF_SUPPLIERS("sales_rep_supplier"),
      .where_customer = "u.user_id IN (SELECT x.user_id FROM sales_rep_supplier x JOIN supplier s ON s.supplier_id = x.supplier_id"
                        " WHERE x.supplier_id IN ({}) AND " OF_STATES("s.state") ")" },
    USERS_OF_CUSTOMERS("sales_rep_customer"),
    TEXTS("ProductGroups", "u.user_id IN (SELECT x.user_id FROM sales_rep_group x WHERE x.product_group IN ({})"
                           " AND (x.product_group = 'Supplier' OR NOT EXISTS (SELECT 1 FROM sales_rep_group y"
                           " WHERE y.user_id = x.user_id AND y.product_group = 'Supplier')))"), { 0 }
};

/* --- the endpoints --- */

#define SAYS(group, short_text, text) .tag = group, .summary = short_text, .description = text
#define READ(n, p, what, set, parameters, who, ...) \
    { .name = n, .methods = KISS_GET, .path = p, .auth = KISS_AUTH_KEY, .run = what, .pages = &set, \
      .params = parameters, .roles = who, SAYS(__VA_ARGS__) }
#define PAGE(name, path, set, parameters, ...) \
    READ(name, path, KISS_RUN_PAGE, set, parameters, KISS_EVERYONE, __VA_ARGS__)
#define PAGE_CLOSED(name, path, set, parameters, ...) \
    READ(name, path, KISS_RUN_PAGE, set, parameters, KISS_EMPLOYEE | KISS_SUPPLIER, __VA_ARGS__)
#define RECORD(name, path, set, parameters, ...) \
    READ(name, path, KISS_RUN_RECORD, set, parameters, KISS_EVERYONE, __VA_ARGS__)

/* Exact paths precede those with `:name`: /customers/creditTerms is not a customer. */
static const kiss_endpoint endpoints[] = {
    PAGE("allocations", "/allocations", allocations, allocation_params,
         "Allocations", "List allocations",
         "Units of products that are reserved for customers. One allocation may cover several customers and products:"
         " `AllocationID`, `ProductID` and `CustomerID` together identify a row.\n\n"
         "Order: AllocationID, ProductID, CustomerID."),
    PAGE("arAging", "/arAging", ar_aging, ar_aging_params,
         "Receivables", "List what is owed, by age",
         "One row for each AR account and supplier, as of the close of a day. `CustomerIDs` and `States` select AR accounts by"
         " their customer.\n\nOrder: ARAccountID, SupplierID."),
    { .name = "customerPricing", .methods = KISS_GET, .path = "/customerPricing", .auth = KISS_AUTH_KEY,
      .run = KISS_RUN_PAGE,
      .pages = &customer_pricing, .params = customer_pricing_params, .roles = KISS_EVERYONE,
      .forbidden_unless = "CustomerIDs",
      SAYS("Pricing", "List what customers pay on a day",
           "Each of the customers with each active product of its state, and the price on the day with the promotion applied."
           " Without a promotion `UnitPrice` is `FullPrice` and `PromotionID` and the times are null.\n\n"
           "Order: ProductID, CustomerID.") },
    PAGE("customers", "/customers", customers, customer_params,
         "Customers", "List customers",
         "Customer accounts; active ones unless `AccountStatuses` selects others, also when `CustomerIDs` is"
         " given.\n\nOrder: CustomerID."),
    PAGE("customers-creditTerms", "/customers/creditTerms", customer_credit_terms, customer_credit_term_params,
         "Customers", "List the credit terms of customers",
         "The credit term that a customer and a supplier have agreed.\n\nOrder: CustomerID, SupplierID."),
    RECORD("customer", "/customers/:customerID", customers, customer_id,
           "Customers", "Get a customer", "One customer, whatever its status."),
    PAGE("deliveryDays", "/deliveryDays", delivery_days, delivery_day_params,
         "Customers", "List delivery days",
         "Delivery weekdays and coming dates of active customers. Both are null for a customer without a schedule.\n\n"
         "Order: CustomerID."),
    PAGE_CLOSED("inventory", "/inventory", inventory, inventory_params,
                "Inventory", "List the stock of warehouses",
                "Stock of each product in each warehouse.\n\nOrder: LocationID, ProductID."),
    PAGE_CLOSED("inventory-batches", "/inventory/batches", batches, batch_params,
                "Inventory", "List batches",
                "Stock by batch, with laboratory data; only of products that have a row in `/inventory` for that warehouse."
                " Several rows may have one `BatchCode`.\n\nOrder: LocationID, ProductID, then the batch."),
    PAGE("retailerInventory", "/retailerInventory", retailer_inventory, retailer_inventory_params,
         "Inventory", "List the stock of shops",
         "Stock and sales in the shops of customers. This is the longest list of the API.\n\n"
         "Order: CustomerID, ProductID, ID."),
    PAGE("invoices", "/invoices", invoices, invoice_params,
         "Invoices", "List invoices",
         "Invoice headers. Without `Statuses` only New ones, also when `InvoiceIDs` is given. A Supplier key sees invoices with"
         " lines of its suppliers, and in the five `Total…` fields the sums of these lines.\n\n"
         "Order: Date descending, InvoiceID descending."),
    PAGE("invoices-creditTerms", "/invoices/creditTerms", credit_terms, credit_term_params,
         "Invoices", "List credit terms", "The catalogue of credit terms.\n\nOrder: TermID."),
    RECORD("invoice", "/invoices/:invoiceID", invoices, invoice_id,
           "Invoices", "Get an invoice", "One invoice, whatever its status."),
    PAGE("invoiceTransactions", "/invoiceTransactions", lines, line_params,
         "Invoices", "List lines of invoices",
         "Lines of the invoices that are named. `Statuses` is the status of the invoice; without it the lines of every status"
         " are sent.\n\nOrder: InvoiceTransID."),
    PAGE("invoiceTransactions-of", "/invoiceTransactions/:invoiceID", lines, line_invoice_id,
         "Invoices", "List the lines of an invoice", "Lines of one invoice, in pages.\n\nOrder: InvoiceTransID."),
    PAGE("invoiceCOAs", "/invoiceCOAs", coas, coa_params,
         "Invoices", "List certificates of invoices",
         "Certificates of analysis of the lines of the invoices that are named; only of lines that have one.\n\n"
         "Order: InvoiceID, InvoiceTransID."),
    PAGE("invoiceCOAs-of", "/invoiceCOAs/:invoiceID", coas, line_invoice_id,
         "Invoices", "List the certificates of an invoice",
         "Certificates of analysis of one invoice, in pages.\n\nOrder: InvoiceTransID."),
    PAGE("locations", "/locations", locations, location_params,
         "Locations", "List warehouses", "Warehouses.\n\nOrder: LocationID."),
    RECORD("location", "/locations/:locationID", locations, location_id,
           "Locations", "Get a warehouse", "One warehouse."),
    PAGE("menuPromotions", "/menuPromotions", menu_promotions, menu_promotion_params,
         "Promotions", "List notices of promotions",
         "Notices of promotions on the menu of a supplier.\n\nOrder: MenuPromotionID."),
    PAGE("promotionsProducts", "/promotionsProducts", promotions, promotion_params,
         "Promotions", "List price promotions",
         "Price promotions and the products that they cover.\n\nOrder: PromotionID."),
    PAGE("productCategories", "/productCategories", categories, no_params,
         "Products", "List product categories",
         "Categories in the order in which they are shown.\n\nOrder: Sequence, ProductCategoryID."),
    PAGE("products", "/products", products, product_params,
         "Products", "List products",
         "Products of the suppliers; active ones unless `Statuses` selects others or `ProductIDs` is given.\n\n"
         "Order: ProductID."),
    RECORD("product", "/products/:productID", products, product_id,
           "Products", "Get a product", "One product, whatever its status."),
    PAGE("states", "/states", states, state_params,
         "Locations", "List states", "Active states that the key may see.\n\nOrder: StateAbbreviation."),
    PAGE("suppliers", "/suppliers", suppliers, supplier_params,
         "Suppliers", "List suppliers", "Suppliers (brands).\n\nOrder: SupplierID."),
    PAGE_CLOSED("suppliers-creditTerms", "/suppliers/creditTerms", supplier_credit_terms, supplier_credit_term_params,
                "Suppliers", "List the credit terms of suppliers",
                "Credit terms that a supplier offers.\n\nOrder: TermID, SupplierID."),
    RECORD("supplier", "/suppliers/:supplierID", suppliers, supplier_id,
           "Suppliers", "Get a supplier", "One supplier."),
    PAGE("users", "/users", users, user_params,
         "Users", "List users",
         "Users of the portal. `CustomerIDs` and `SupplierIDs` contain only what the key may see.\n\nOrder: UserID."),
    RECORD("user", "/users/:userID", users, user_id,
           "Users", "Get a user", "One user of the portal."),
    PAGE("payments-types", "/payments/types", payment_types, payment_type_params,
         "Payments", "List payment types",
         "Payment types, one row for each supplier that uses one. A type without a supplier counts as active.\n\n"
         "Order: PaymentTypeID, SupplierID."),
    PAGE("payments", "/payments", payments, payment_params,
         "Payments", "List payments",
         "Payments and what is left of each.\n\nOrder: PostDate descending, PaymentID descending."),
    PAGE("payments-openInvoices", "/payments/openInvoices", open_invoices, open_invoice_params,
         "Payments", "List open invoices",
         "Invoices with an `OpenBalance`, as the key sees it, other than 0.00. A Supplier key sees the part of its own lines."
         "\n\nOrder: Date, InvoiceID."),
    PAGE("payments-applications", "/payments/applications", applications, application_params,
         "Payments", "List allocations of payments",
         "Parts of payments that are allocated to invoices: requested through the API or made in the back office.\n\n"
         "Order: those not applied yet first, newest request first; then by TimeApplied and PaymentApplicationID, descending."),
    { .name = "payments-applications-post", .methods = KISS_POST, .path = "/payments/applications", .auth = KISS_AUTH_KEY,
      .run = KISS_RUN_ALLOCATE, .pages = &requests, .params = request_params, .roles = KISS_EMPLOYEE | KISS_CUSTOMER,
      SAYS("Payments", "Request an allocation of a payment",
           "Requests that a part of a payment is allocated to an invoice, which lowers the `AvailableBalance` of the payment at"
           " once. The parameters may stand in a form or in a JSON object instead of the query. With `Idempotency-Key` the"
           " request may be repeated safely: the same request gets the same answer.") },
    PAGE_CLOSED("vendors", "/vendors", vendors, vendor_params,
                "Purchases", "List vendors",
                "Vendors that a supplier ships from, for each destination warehouse.\n\n"
                "Order: VendorID, SupplierID, LocationID."),
    PAGE_CLOSED("purchases", "/purchases", purchases, purchase_params,
                "Purchases", "List purchase orders",
                "Purchase orders to the warehouses.\n\n"
                "Order: PostDate descending, those without one first, then PurchaseID."),
    READ("purchase", "/purchases/:purchaseID", KISS_RUN_RECORD, purchases, purchase_id, KISS_EMPLOYEE | KISS_SUPPLIER,
         "Purchases", "Get a purchase order", "One purchase order."),
    PAGE_CLOSED("purchaseTrans", "/purchaseTrans", purchase_lines, purchase_line_params,
                "Purchases", "List lines of purchase orders",
                "Lines of the purchase orders that are named.\n\nOrder: PurchaseTransID."),
    PAGE("salesReps", "/salesReps", sales_reps, sales_rep_params,
         "Users", "List sales representatives",
         "Active sales representatives with the active customers and suppliers that they cover. `ProductGroups=Supplier` selects"
         " Supplier Reps, any other group the Territory Managers of it.\n\nOrder: Name, UserID."),
    { .name = "openapi", .methods = KISS_GET, .path = "/openapi.json", .auth = KISS_AUTH_NONE, .run = KISS_RUN_OPENAPI,
      .roles = KISS_EVERYONE,
      SAYS("Service", "Get this document",
           "The OpenAPI document of this API, as the type of the key has it: fields, parameters and endpoints that this type"
           " never gets are left out. Without a key: what every type has.") },
    { 0 }
};

/* The tables of sql/kss/. */
static const kiss_dataset datasets[] = {
    { "allocation" }, { "api_key" }, { "api_key_account" }, { "ar_account" }, { "ar_aging" }, { "ar_aging_invoice" },
    { "credit_term" }, { "customer" }, { "customer_credit_term" }, { "idempotency", .unrevised = 1 }, { "inventory" },
    { "inventory_batch" }, { "invoice" }, { "invoice_coa" }, { "invoice_line" },
    { "invoice_sum", .follows = { "invoice_line" } }, { "invoice_supplier", .follows = { "invoice", "invoice_line" } },
    { "key_usage", .unrevised = 1 }, { "location" }, { "menu_promotion" }, { "payment" }, { "payment_application" },
    { "payment_type" }, { "payment_type_supplier" }, { "portal_user" }, { "product" }, { "product_category" },
    { "promotion" }, { "promotion_product" }, { "promotion_state" }, { "purchase" }, { "purchase_line" },
    { "retailer_inventory" }, { "revision", .unrevised = 1 }, { "sales_rep_customer" }, { "sales_rep_group" },
    { "sales_rep_supplier" }, { "state" }, { "supplier" }, { "supplier_credit_term" }, { "user_customer" },
    { "user_location" }, { "user_state" }, { "user_supplier" }, { "vendor" }, { "vendor_route" },
    { 0 }
};

static const kiss_fixed_statement statements[KISS_SQL_FIXED] = {
    [KISS_SQL_STATE] = { 1, KISS_STATE_SQL },
    [KISS_SQL_CALLER] = { KISS_KEY_COLUMNS,
        "SELECT k.key_id, k.type, k.prefix, k.user_id, k.limit_hour,"
        " u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE,"
        " (SELECT GROUP_CONCAT(a.account_id ORDER BY a.account_id) FROM api_key_account a WHERE a.key_id = k.key_id),"
        " CASE k.type WHEN 'customer' THEN (SELECT GROUP_CONCAT(DISTINCT c.state ORDER BY c.state) FROM api_key_account a"
        " JOIN customer c ON c.customer_id = a.account_id WHERE a.key_id = k.key_id)"
        " WHEN 'supplier' THEN (SELECT GROUP_CONCAT(DISTINCT s.state ORDER BY s.state) FROM api_key_account a"
        " JOIN supplier s ON s.supplier_id = a.account_id WHERE a.key_id = k.key_id) END,"
        " TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), k.expires_at), (" KISS_STATE_SQL "),"
        " (SELECT GROUP_CONCAT(dataset, '=', n ORDER BY dataset) FROM revision)"
        " FROM api_key k LEFT JOIN key_usage u ON u.key_id = k.key_id"
        " WHERE k.hash = UNHEX(?) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP(6))" },
    [KISS_SQL_KEY_USED] = { 0, KISS_KEY_USED_SQL },
    /* The statements of an allocation request: the transaction that holds the lock of the payment's row decides about
     * its balance. The sum is read after the lock, by the first consistent read of the transaction: it sees all that
     * was committed before. */
    [KISS_SQL_LOCK_PAYMENT] = { KISS_PAYMENT_COLUMNS,
        "SELECT payment_id, ar_account_id, amount FROM payment WHERE payment_invoice_num = ? FOR UPDATE" },
    [KISS_SQL_PAYMENT_USED] = { 1,
        "SELECT COALESCE(SUM(amount), 0) FROM payment_application"
        " WHERE payment_id = ? AND status IN ('Pending', 'Exported', 'Confirmed')" },
    [KISS_SQL_ACCOUNT_OWNER] = { 1, "SELECT customer_id FROM ar_account WHERE ar_account_id = ?" },
    [KISS_SQL_TARGET] = { KISS_TARGET_COLUMNS, "SELECT invoice_id, ar_account_id FROM invoice WHERE invoice_num = ?" },
    [KISS_SQL_REPEATED] = { KISS_REPEATED_COLUMNS,
        "SELECT HEX(request_hash), allocation_no FROM idempotency WHERE key_id = ? AND name = ?" },
    [KISS_SQL_REQUEST] = { 0,
        "INSERT INTO payment_application (request_id, payment_id, target_invoice_id, ar_account_id, amount,"
        " requested_by_user_id, status, time_requested) VALUES (NEXTVAL(request_number), ?, ?, ?, ?, ?, 'Pending',"
        " UTC_TIMESTAMP(3))" },
    [KISS_SQL_REMEMBER] = { 0,
        "INSERT INTO idempotency (key_id, name, request_hash, allocation_no) VALUES (?, ?, UNHEX(?), ?)" },
    [KISS_SQL_LAST_REQUEST] = { 1, "SELECT COALESCE(MAX(request_id), 0) FROM payment_application" }
};

/* "Left open" 1. */
static const kiss_sentence sentences[] = {
    { 404, "The endpoint does not exist" },
    { 429, "Rate limit exceeded" },
    { 500, "Unexpected server error" },
    { 0 }
};

const kiss_api kiss_kss_api = {
    .name = "kss",
    .profile = "v1",
    .schema_version = 2,
    .auth = KISS_AUTH_APIKEY,
    .credential = "x-api-key",
    .meter = KISS_METER_SLIDING_HOUR,
    .request_id = KISS_ID_UUID,
    .identify_first = 1,
    .method_not_found = 1,          /* "Left open" 12 */
    .error_member = "Error",
    .sentences = sentences,
    .endpoints = endpoints,
    .words = &kiss_kss_words,
    .datasets = datasets,
    .statements = statements
};

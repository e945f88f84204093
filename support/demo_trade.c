/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_trade - stock, invoices, receivables, payments and purchases of the made-up distributor.
 */
#include "demo_trade.h"

#include <stdlib.h>

#include <apr_strings.h>
#include <apr_tables.h>

#define FIRST_LINE 20001

/** What one invoice adds to the receivables. */
typedef struct {
    int account, supplier, bucket, invoice;
    apr_int64_t balance;
} receivable;

static apr_int64_t hundred(int n) { return (apr_int64_t)n * 100; }

/** Every third product is batched. */
static const char *batch_code(const world *w, int p)
{
    return p % 3 ? NULL : apr_psprintf(w->row, "BATCH-%04d-%c", p, 'A' + p % 4);
}

static void write_batch(const world *w, demo_file *f, int location, int p, int units)
{
    apr_int64_t thc = 5 + demo_pick(FOR_STOCK, p, 2500);
    int edible = p % CATEGORIES == 0;

    demo_row(f, "iiiuidsssssdddddsuusssstt", 100000 * location + p, location, FIRST_PRODUCT + p, hundred(units),
             7500000 + p,
             w->today + p % 400, p % 2 ? demo_url(w, "coa", p) : NULL, batch_code(w, p), (const char *)NULL,
             p % 4 ? apr_psprintf(w->row, "1A40603000123450%08d", p) : NULL, p % 5 ? "SC Labs" : NULL,
             p % 4 ? DEMO_NONE : w->today + p % 300, p % 9 ? DEMO_NONE : w->today - 200, w->today - 90,
             p % 2 ? w->today - 89 : DEMO_NONE, w->today + 200, edible ? "PerServing" : "Percentage", thc,
             (apr_int64_t)(p % 7), p % 6 ? "12.3456" : NULL, p % 6 ? "12.5" : NULL, p % 6 ? "0" : NULL,
             p % 6 ? "12.5000" : NULL, w->today - 90, w->today - p % 30);
}

static void write_stock(world *w)
{
    demo_file f, batches;
    int l, p;

    demo_open(&w->d, &f, "inventory.csv", "LocationID,ProductID,OnFloorInventory,PreSales,Allocated,NotAuthorized,"
              "PurchaseTransID,DOI,AvgDailySales90d,Received,Loaded,Picked,Delivered,Unsellable,TimeUpdated");
    demo_open(&w->d, &batches, "inventory_batches.csv", "BatchID,LocationID,ProductID,InventoryUnits,PurchaseTransID,"
              "ExpirationDate,COAURL,BatchCode,Vintage,UID,Laboratory,BestByDate,HarvestDate,ManufactureDate,PackDate,"
              "COAExpirationDate,PotencyType,THCPotency,CBDPotency,TotalCannabinoids,LabelTHCPotency,LabelCBDPotency,"
              "LabelTotalCannabinoids,TimeCreated,TimeUpdated");
    for (l = 1; l <= LOCATIONS; l++) {
        for (p = 0; p < w->n[PRODUCTS]; p++) {
            int units = demo_pick(FOR_UNITS, l * 100000 + p, 1500), few = p % 12, sold = 1 + p % 40;

            if (!demo_in_state(demo_location_state(l), demo_product_state(w, p)) || units % 5 == 0) {
                continue;
            }
            units = units % 23 == 0 ? -few : units % 13 == 0 ? 0 : units;
            demo_row(&f, "iiuuubiuuuuuuut", l, FIRST_PRODUCT + p, hundred(units), hundred(few * 10),
                     hundred(p % 5 ? 0 : 24),
                     p % 30 == 2, 7500000 + p, hundred(units > 0 ? units / sold : 0), hundred(sold) - p % 100,
                     hundred(p % 3 * 100), hundred(p % 7), hundred(p % 11), hundred(few), hundred(p % 19 ? 0 : 3),
                     w->today);
            if (batch_code(w, p)) {
                write_batch(w, &batches, l, p, units);
            }
            apr_pool_clear(w->row);
        }
    }
    demo_close(&f);
    demo_close(&batches);
}

static void write_retail(world *w)
{
    demo_file f, allocations;
    int c, k, id = 1690421;

    demo_open(&w->d, &f, "retailer_inventory.csv", "ID,ProductID,CustomerID,LastInventoryDate,Inventory,DailySales,"
              "TimeCreated,TimeUpdated");
    for (c = 0; c < w->n[CUSTOMERS]; c++) {
        for (k = 0; k < w->n[RETAIL]; k++, id++) {
            int p = (demo_pick(FOR_STOCK, c, w->n[PRODUCTS]) + k * 7) % w->n[PRODUCTS];

            demo_row(&f, "iiiauutt", id, FIRST_PRODUCT + p, FIRST_CUSTOMER + c,
                     k == 3 ? demo_day(2000, 1, 1) : w->today - id % 60, hundred(id % 90), (apr_int64_t)(id % 250),
                     w->today - 200, w->today - id % 60);
        }
    }
    demo_close(&f);
    demo_open(&w->d, &allocations, "allocations.csv", "AllocationID,ProductID,CustomerID,Units,AllocationTypeID,StartDate,"
              "EndDate,TimeUpdated");
    for (k = 0; k < w->n[ALLOCATIONS]; k++) {
        for (c = 0; c <= k % 3; c++) {
            demo_row(&allocations, "iiiuiddt", 1001 + k, FIRST_PRODUCT + k * 5 % w->n[PRODUCTS],
                     FIRST_CUSTOMER + (k * 3 + c) % w->n[CUSTOMERS], hundred(24 * (1 + k % 4)), k % 2, w->today - 30,
                     w->today + 60, w->today - k % 30);
        }
    }
    demo_close(&allocations);
}

static const char *invoice_num(const world *w, const invoice *v)
{
    return v->total < 0 ? apr_psprintf(w->row, "CM-2026-%06d", v->id) : apr_psprintf(w->row, "INV-2026-%06d", v->id);
}

static void write_lines(const world *w, demo_file *f, demo_file *coas, const invoice *v)
{
    int i;

    for (i = 0; i < v->nlines; i++) {
        const sale *l = &v->lines[i];
        int id = FIRST_LINE + f->rows, s = demo_product_supplier(w, l->product), ordered = l->units < 0 ? 0 : l->units;
        const char *batch = v->status == 1 ? NULL : batch_code(w, l->product);

        demo_row(f, "iiiimiiimmmisistt", id, v->id, FIRST_PRODUCT + l->product, s ? s : DEMO_NONE,
                 (apr_int64_t)l->units * 1000000 / l->per_case, l->units, l->units == 0 ? l->per_case : ordered,
                 l->units == 0 ? l->per_case : 0, l->full, l->unit, l->ext,
                 l->unit == l->full || !s ? DEMO_NONE : 42 + id % w->n[PROMOTIONS], batch,
                 l->units == 0 ? 3 : DEMO_NONE,
                 l->units == 0 ? "Out of stock" : NULL, v->day - 3, v->day - 1);
        if (batch && l->product % 2 && v->status == 7) {
            demo_row(coas, "istt", id, apr_pstrcat(w->row, demo_url(w, "coa", l->product), ".pdf", NULL), v->day, v->day);
        }
    }
}

static void write_invoice(const world *w, demo_file *f, const invoice *v)
{
    int id = v->id, by = FIRST_CUSTOMER_USER + v->customer;

    demo_row(f, "iiismmsaissaaimiistt", id, FIRST_CUSTOMER + v->customer, v->account, invoice_num(w, v), v->debit,
             v->credit,
             id % 3 ? NULL : apr_psprintf(w->row, "PO-%05d", id), id % 3 ? DEMO_NONE : v->day - 4, v->term,
             id % 20 ? NULL : demo_url(w, "invoice", id), id % 8 ? NULL : "Leave at the back door, \"ring twice\".", v->day,
             v->due, v->status, v->total, id % 2 ? by : DEMO_NONE, id % 5 ? DEMO_NONE : 4 + id % 7,
             id % 33 ? NULL : "Überfällig", v->day - 5, v->day - id % 3);
}

/** In the order of the table's key; the bucket follows from the days since it was due. */
static void collect(const world *w, apr_array_header_t *all, const invoice *v)
{
    int late = w->today - v->due, s = v->nlines ? demo_product_supplier(w, v->lines[0].product) : 0;
    receivable *r;

    if (v->debit == v->credit || !s || v->day > w->today) {
        return;
    }
    r = apr_array_push(all);
    r->account = v->account;
    r->supplier = s;
    r->bucket = v->credit ? 5 : late <= 0 ? 0 : late <= 30 ? 1 : late <= 60 ? 2 : late <= 90 ? 3 : 4;
    r->invoice = v->id;
    r->balance = v->debit - v->credit;
}

static int by_key(const void *a, const void *b)
{
    const receivable *x = a, *y = b;

    return x->account != y->account ? x->account - y->account : x->supplier != y->supplier ? x->supplier - y->supplier
        : x->bucket != y->bucket ? x->bucket - y->bucket : x->invoice - y->invoice;
}

static void write_receivables(world *w, const apr_array_header_t *all)
{
    static const char *const buckets[] = {"Current", "1_30", "31_60", "61_90", "91", "Credit"};
    const receivable *r = (const receivable *)all->elts, *end = r + all->nelts;
    demo_file f, invoices;

    demo_open(&w->d, &f, "ar_aging.csv", "ARAccountID,SupplierID,OpenCredit,CloseDate,StatementLink,StatementDate,"
              "TimeCreated,TimeUpdated");
    demo_open(&w->d, &invoices, "ar_aging_invoices.csv", "ARAccountID,SupplierID,Bucket,InvoiceID,OpenBalance");
    while (r < end) {
        const receivable *first = r;
        apr_int64_t credit = 0;

        for (; r < end && r->account == first->account && r->supplier == first->supplier; r++) {
            credit += r->bucket == 5 ? r->balance : 0;
            demo_row(&invoices, "iisim", r->account, r->supplier, buckets[r->bucket], r->invoice, r->balance);
        }
        demo_row(&f, "iimasatt", first->account, first->supplier, credit, first->account % 4 ? w->today : DEMO_NONE,
                 first->account % 3 ? demo_url(w, "statement", first->account) : NULL,
                 first->account % 3 ? w->today - 21 : DEMO_NONE, w->today, w->today);
        apr_pool_clear(w->row);
    }
    demo_close(&f);
    demo_close(&invoices);
}

static void write_invoices(world *w)
{
    apr_array_header_t *open = apr_array_make(w->d.pool, 256, sizeof(receivable));
    demo_file f, lines, coas;
    invoice v;
    int n;

    demo_open(&w->d, &f, "invoices.csv", "InvoiceID,CustomerID,ARAccountID,InvoiceNum,OpenDebit,OpenCredit,PONum,PODate,"
              "TermID,PDFURL,Memo,Date,DueDate,Status,InvoiceTotal,SubmittedByUserID,BuiltByUserID,ARNote,"
              "InvoiceTimeCreated,InvoiceLastUpdated");
    demo_open(&w->d, &lines, "invoice_lines.csv", "InvoiceTransID,InvoiceID,ProductID,SupplierID,Cases,NumUnits,Ordered,"
              "BackOrder,FullPrice,UnitPrice,ExtPrice,PromotionID,BatchCode,ReasonID,Reason,TimeCreated,TimeUpdated");
    demo_open(&w->d, &coas, "invoice_coas.csv", "InvoiceTransID,COA_URL,TimeCreated,TimeUpdated");
    for (n = 0; n < w->n[INVOICES] && !w->d.failed; n++) {
        demo_invoice(w, n, &v);
        write_invoice(w, &f, &v);
        write_lines(w, &lines, &coas, &v);
        collect(w, open, &v);
        apr_pool_clear(w->row);
    }
    demo_close(&f);
    demo_close(&lines);
    demo_close(&coas);
    qsort(open->elts, (size_t)open->nelts, sizeof(receivable), by_key);
    write_receivables(w, open);
}

static void write_payment_types(world *w)
{
    static const char *const names[] = {"Cash", "Check", "ACH", "Überweisung"};
    demo_file f, suppliers;
    int i, s;

    demo_open(&w->d, &f, "payment_types.csv", "PaymentTypeID,Name,TimeCreated,TimeUpdated");
    demo_open(&w->d, &suppliers, "payment_type_suppliers.csv", "PaymentTypeID,SupplierID");
    demo_row(&f, "istt", -1, "SupplierCredit", w->today - 700, w->today - 700);
    for (i = 0; i < DEMO_COUNT(names); i++) {
        demo_row(&f, "istt", i + 1, names[i], w->today - 700, w->today - 600);
        for (s = 1 + i % 2; s <= w->n[SUPPLIERS]; s += 1 + i % 3) {
            demo_row(&suppliers, "ii", i + 1, s);
        }
    }
    demo_close(&f);
    demo_close(&suppliers);
}

/** What was done with payment `n`, by the fate of its invoice. */
static void write_application(const world *w, demo_file *f, int n, const invoice *v)
{
    static const char *const statuses[] = {"Confirmed", "Pending", "Exported", "Rejected"};
    int fate = demo_pick(FOR_FATE, demo_invoice_of_payment(w, n), 100),
        day = v->day + 8 < w->today ? v->day + 8 : w->today - 1;
    int status = fate < 70 ? 0 : fate < 80 ? 1 : fate < 90 ? 2 : 3, asked = status || n % 2;

    if (v->payment != n) {
        return;
    }
    day = status == 1 || status == 2 ? w->today - 1 - n % 3 : day;
    demo_row(f, "iissimsisttttt", status ? DEMO_NONE : 5000 + n, asked ? n : DEMO_NONE,
             apr_psprintf(w->row, "PAY-2026-%05d", n), invoice_num(w, v), v->account, v->paid, statuses[status],
             asked && n % 5 ? FIRST_CUSTOMER_USER + v->customer : DEMO_NONE, status ? NULL : "jsmith",
             asked ? day : DEMO_NONE,
             asked && status != 1 ? day : DEMO_NONE, status ? DEMO_NONE : day + 1, day, status == 3 ? day + 7 : day);
}

static void write_payments(world *w)
{
    demo_file f, applications;
    invoice v;
    int n;

    demo_open(&w->d, &f, "payments.csv", "PaymentID,PaymentInvoiceID,PaymentInvoiceNum,ARAccountID,PaymentTypeID,Amount,"
              "SupplierID,LoadSheetStatusID,PostDate,ARNote,Memo,TimeCreated,TimeUpdated");
    demo_open(&w->d, &applications, "payment_applications.csv", "PaymentApplicationID,RequestID,PaymentInvoiceNum,"
              "TargetInvoiceNum,ARAccountID,Amount,Status,RequestedByUserID,AppliedBy,TimeRequested,TimeExported,"
              "TimeApplied,TimeCreated,TimeUpdated");
    for (n = 1; n <= w->n[PAYMENTS] && !w->d.failed; n++) {
        int s, day;

        demo_invoice(w, demo_invoice_of_payment(w, n), &v);
        s = v.nlines && n % 3 ? demo_product_supplier(w, v.lines[0].product) : 0;
        day = v.payment && v.day + 7 < w->today ? v.day + 7 : w->today - n % 60;
        /* A payment that is for no invoice is a reversed one or has not been used yet. */
        demo_row(&f, "iisiimiiasstt", n, 90000 + n, apr_psprintf(w->row, "PAY-2026-%05d", n), v.account,
                 n % 9 ? 1 + n % 4 : -1, v.payment ? v.total : DEMO_MONEY(n % 2 ? 50000 + n : -12000 - n),
                 s ? s : DEMO_NONE, n % 10 ? 7 : 3, day, n % 25 ? NULL : "NSF",
                 n % 2 ? demo_named(w, "Check", 12000 + n) : NULL,
                 day, day);
        write_application(w, &applications, n, &v);
        apr_pool_clear(w->row);
    }
    demo_close(&f);
    demo_close(&applications);
}

static void write_vendors(world *w)
{
    static const char *const pickups[] = {"Mon;Wed;Fri", "", "2026-11-04;2026-11-11", "Tue"};
    demo_file f, routes;
    int n, s;

    demo_open(&w->d, &f, "vendors.csv", "VendorID,VendorName,VendorLicenseNumber,VendorAddress,VendorAddress2,VendorCity,"
              "VendorState,VendorPostalCode");
    demo_open(&w->d, &routes, "vendor_routes.csv", "VendorID,SupplierID,LocationID,LeadTimeDays,TargetDOI,MaxDOI,"
              "PickupDates,RequirePOBatchCodes,Active,TimeUpdated");
    for (n = 1; n <= w->n[VENDORS]; n++) {
        demo_row(&f, "isssssss", n, demo_named(w, "Acme Distributing", n), n % 3 ? demo_named(w, "C11-LIC", n) : NULL,
                 demo_named(w, "Industrial Way", n), n % 2 ? NULL : "Suite \"B\"", "Oakland", n % 2 ? "CA" : "NJ", "94607");
    }
    for (s = 1; s <= w->n[SUPPLIERS]; s++) {
        for (n = 1; n <= LOCATIONS; n++) {
            if (demo_in_state(demo_location_state(n), demo_supplier_state(s))) {
                demo_row(&routes, "iiiiiisbbt", 1 + s % w->n[VENDORS], s, n, 2 + s % 9, 14, 30,
                         DEMO_OF(pickups, s + n), s % 4 == 0,
                         (s + n) % 7 != 0, w->today - s);
            }
        }
    }
    demo_close(&f);
    demo_close(&routes);
}

/** Writes the lines of purchase `n`. @return their sum */
static apr_int64_t write_purchase_lines(const world *w, demo_file *f, int n, int day, int *cases)
{
    apr_int64_t total = 0;
    int i, sign = n % 17 == 16 ? -1 : 1;

    *cases = 0;
    for (i = 0; i <= n % 4; i++) {
        int p = demo_pick(FOR_LINE, n * 4 + i + 1000000, w->n[PRODUCTS]), per_case = demo_product_per_case(p);
        int count = sign * (1 + demo_pick(FOR_UNITS, n * 4 + i, 30)), units = count * per_case;
        apr_int64_t fob = demo_product_price(p) / 20000 * 10000;

        demo_row(f, "iiiiimmmaasmsimtt", 99001 + f->rows, 10001 + n, FIRST_PRODUCT + p, count, units, fob,
                 DEMO_MONEY(0),
                 fob * units, p % 2 ? day + 365 : DEMO_NONE, p % 5 ? day - 20 : DEMO_NONE, batch_code(w, p),
                 fob + DEMO_MONEY(50),
                 p % 9 ? NULL : apr_psprintf(w->row, "1A4060300009%012d", n), count, (apr_int64_t)units * 1250000, day,
                 day);
        total += fob * units;
        *cases += count;
    }
    return total;
}

static void write_purchases(world *w)
{
    static const char *const statuses[] = {"Received", "Confirmed", "Verified", "Verified"};
    demo_file f, lines;
    int n, cases;

    demo_open(&w->d, &f, "purchases.csv", "PurchaseID,SupplierID,VendorID,ToLocationID,ReceiveDate,ShipmentNum,ShipmentID,"
              "PostDate,Status,PONum,Freight,Tax,OtherCost,Total,TotalCases,PublicPDFLink,Memo,InvoiceDate,DueDate,TermID,"
              "LastEditTime,LastCalcTime,ReceivingNum,PurchaseGlobalID,TimeCreated,TimeUpdated");
    demo_open(&w->d, &lines, "purchase_lines.csv", "PurchaseTransID,PurchaseID,ProductID,Ordered,NumUnits,FOB,DepositCost,"
              "ExtPrice,ExpirationDate,CodeDate,BatchCode,LaidInCost,PalletTag,Cases,Weight,TimeCreated,TimeUpdated");
    for (n = 0; n < w->n[PURCHASES] && !w->d.failed; n++) {
        int day = w->today - 400 + (int)((apr_int64_t)n * 400 / w->n[PURCHASES]), posted = n % 6 != 0, id = 10001 + n;
        apr_int64_t total = write_purchase_lines(w, &lines, n, day, &cases);
        apr_int64_t freight = n % 3 ? DEMO_MONEY(0) : DEMO_MONEY(15000);

        demo_row(&f, "iiiiasiassmmmmissaaittsstt", id, 1 + n % w->n[SUPPLIERS], 1 + n % w->n[VENDORS],
                 1 + n % LOCATIONS,
                 posted ? day + 3 : DEMO_NONE, n % 4 ? demo_named(w, "SHP", id) : NULL, n % 5 ? 5000 + n : DEMO_NONE,
                 posted ? day : DEMO_NONE, posted ? DEMO_OF(statuses, n) : n % 12 ? "Accepted" : "New",
                 n % 7 ? demo_named(w, "PO", id) : NULL, freight, DEMO_MONEY(0), DEMO_MONEY(0), total + freight, cases,
                 n % 8 ? NULL : demo_url(w, "purchase", id), n % 9 ? NULL : "Two pallets, \"fragile\"",
                 posted ? day : DEMO_NONE,
                 posted ? day + 30 : DEMO_NONE, n % 10 ? 1 + n % 4 : DEMO_NONE, day + 1, n % 2 ? day + 1 : DEMO_NONE,
                 n % 3 ? NULL : demo_named(w, "RCV", id), n % 4 ? NULL : apr_psprintf(w->row, "01KFA0000000000000%08d", id),
                 day - 2, day + 1);
        apr_pool_clear(w->row);
    }
    demo_close(&f);
    demo_close(&lines);
}

void demo_trade(world *w)
{
    write_stock(w);
    write_retail(w);
    write_invoices(w);
    write_payment_types(w);
    write_payments(w);
    write_vendors(w);
    write_purchases(w);
}

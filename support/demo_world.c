/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_world - works out what each row of the made-up distributor is, from its number alone.
 */
#include "demo_world.h"

#include <string.h>

#include <apr_strings.h>

/** How much there is at scale 1 and 25; between and beyond, in proportion. */
static const int sizes[KINDS][2] = {
    [SUPPLIERS] = {12, 60}, [CUSTOMERS] = {40, 1000}, [PRODUCTS] = {250, 2500}, [PROMOTIONS] = {12, 150},
    [MENUS] = {6, 80}, [ALLOCATIONS] = {20, 500}, [RETAIL] = {6, 20}, [INVOICES] = {620, 100000},
    [PAYMENTS] = {150, 20000}, [VENDORS] = {6, 30}, [PURCHASES] = {60, 3000}};

const demo_term demo_terms[TERMS] = {{"Upon Receipt", 0}, {"NET 7", 7}, {"NET 14", 14}, {"NET 30", 30},
                                     {"Interco Transfer", 0}, {"C.O.D., on hold", 0}};
const char *const demo_categories[CATEGORIES] = {"Edibles/Ingestibles", "Concentrates", "Vape", "Flower", "Pre-Rolls",
                                                 "Topicals", "Accessories", "Beverages"};
static const char *const brands[] = {"Alder & Ash", "Bäckerei \"Zum Löwen\"", "Coastal Haze", "Dr. O'Hara's", "Edelweiß",
                                     "Fjørd", "Golden Gate", "Hôtel Soleil", "Iron, Oak & Co", "Juniper Lane",
                                     "Kettle Creek", "Luna 🌙"};

void demo_world(world *w, int scale)
{
    int i;

    for (i = 0; i < KINDS; i++) {
        w->n[i] = sizes[i][0] + (int)((apr_int64_t)(scale - 1) * (sizes[i][1] - sizes[i][0]) / 24);
    }
    w->today = demo_day(2026, 11, 1);
}

/* Every third customer and every second supplier is in New Jersey; every fifth supplier sells everywhere. */
const char *demo_customer_state(int c) { return c % 3 == 0 ? "NJ" : "CA"; }
int demo_customer_location(int c) { return c % 3 == 0 ? 3 : 1 + c % 2; }
const char *demo_location_state(int l) { return l == 3 ? "NJ" : "CA"; }
const char *demo_supplier_state(int s) { return s % 5 == 0 ? "" : s % 2 ? "CA" : "NJ"; }
int demo_in_state(const char *state, const char *of) { return !*of || strcmp(state, of) == 0; }

/* A customer whose number divides by eight has a second account. */
int demo_second_account(const world *w, int c) { return FIRST_ACCOUNT + w->n[CUSTOMERS] + c / 8 - 1; }

/** 0: a product without supplier. */
int demo_product_supplier(const world *w, int p)
{
    return p % 97 == 96 ? 0 : 1 + demo_pick(FOR_SUPPLIER, p, w->n[SUPPLIERS]);
}

const char *demo_product_state(const world *w, int p)
{
    return demo_product_supplier(w, p) ? demo_supplier_state(demo_product_supplier(w, p)) : "";
}

int demo_product_per_case(int p) { return DEMO_OF(((const int[]){20, 12, 6, 24, 10, 1}), p); }
apr_int64_t demo_product_price(int p) { return DEMO_MONEY(250 + demo_pick(FOR_PRICE, p, 4750)); }

/** Someone's name; the number makes it the only one. */
const char *demo_named(const world *w, const char *name, int n)
{
    return apr_psprintf(w->row, "%s %d", name, n);
}

const char *demo_url(const world *w, const char *what, int id)
{
    return apr_psprintf(w->row, "https://cdn.example.com/%s/%d", what, id);
}

const char *demo_supplier_name(const world *w, int s)
{
    return s <= DEMO_COUNT(brands) ? brands[s - 1] : demo_named(w, DEMO_OF(brands, s - 1), s);
}

/** The n-th line: a product that is sold in the customer's state. */
static void make_line(const world *w, const invoice *v, int n, sale *l)
{
    int key = v->id * DEMO_LINES + n, p = demo_pick(FOR_LINE, key, w->n[PRODUCTS]);

    while (!demo_in_state(demo_customer_state(v->customer), demo_product_state(w, p))) {
        p = (p + 1) % w->n[PRODUCTS];
    }
    l->product = p;
    l->per_case = demo_product_per_case(p);
    l->units = l->per_case * (1 + demo_pick(FOR_UNITS, key, 6)) + (key % 11 == 0 ? 1 : 0);
    l->units = v->status == 4 ? -l->units : key % 53 == 0 ? 0 : l->units;
    l->full = demo_product_price(p);
    /* A sixth off leaves parts of a cent. */
    l->unit = key % 4 ? l->full : l->full * 5 / 6;
    l->ext = l->unit * l->units;
}

static int invoice_status(const world *w, int id, int day)
{
    static const int fresh[] = {3, 5, 7, 5};
    int age = w->today - day;

    if (age < 0) {
        return 1;
    }
    return age < 7 ? 1 + demo_pick(FOR_STATUS, id, 3) : age < 20 ? DEMO_OF(fresh, id) : id % 29 == 0 ? 4
        : id % 41 == 0 ? 5 : 7;
}

/** What is still open. A payment of the invoice may have paid all or half of it, or only have been asked to. */
static void settle(invoice *v, int fate)
{
    if (v->total < 0) {
        v->credit = fate % 2 ? -v->total : 0;
        v->payment = 0;
        return;
    }
    if (v->payment) {
        v->paid = fate < 60 ? v->total : v->total / 20000 * 10000;
        v->debit = fate < 60 ? 0 : fate < 70 ? v->total - v->paid : v->total;
        return;
    }
    v->debit = v->status < 4 || fate >= 80 ? v->total : fate < 3 && v->total ? 3108 : 0;
}

/** Number of invoices for each one with a payment. */
static int payment_step(const world *w) { return w->n[INVOICES] / w->n[PAYMENTS]; }

int demo_invoice_of_payment(const world *w, int n) { return (n - 1) * payment_step(w); }

/* The days run from 14 months ago to 12 weeks ahead. */
void demo_invoice(const world *w, int n, invoice *v)
{
    int i, every = payment_step(w);

    memset(v, 0, sizeof(*v));
    v->id = FIRST_INVOICE + n;
    v->customer = demo_pick(FOR_CUSTOMER, n, w->n[CUSTOMERS]);
    v->account = v->customer >= 8 && v->customer % 8 == 0 && n % 2 ? demo_second_account(w, v->customer)
        : FIRST_ACCOUNT + v->customer;
    v->day = w->today - 425 + (int)((apr_int64_t)n * 509 / w->n[INVOICES]);
    v->status = invoice_status(w, v->id, v->day);
    v->term = 1 + demo_pick(FOR_KIND, v->customer, 4);
    v->due = v->day + demo_terms[v->term - 1].days;
    v->payment = n % every == 0 && n / every < w->n[PAYMENTS] && v->day < w->today - 7 ? n / every + 1 : 0;
    v->nlines = n % 67 == 66 ? 0 : 1 + demo_pick(FOR_TEXT, v->id, DEMO_LINES);
    for (i = 0; i < v->nlines; i++) {
        make_line(w, v, i, &v->lines[i]);
        v->total += v->lines[i].ext;
    }
    settle(v, demo_pick(FOR_FATE, n, 100));
}

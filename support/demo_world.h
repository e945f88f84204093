/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_world - the made-up distributor of `kss demo-data`: who sells what to whom. Pure but for its pools.
 *
 * What a row is depends on its number alone (demo_pick), so that every file can be written without remembering the
 * others: a payment finds its invoice again by working it out again. Amounts are in millionths.
 */
#ifndef DEMO_WORLD_H
#define DEMO_WORLD_H

#include "demo_file.h"

#define DEMO_MONEY(cents) ((apr_int64_t)(cents) * 10000)
#define DEMO_LINES 10                       /**< of an invoice, at most */
#define DEMO_COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))
#define DEMO_OF(list, n) ((list)[(n) % DEMO_COUNT(list)])

/** Where ids begin. */
enum {FIRST_CUSTOMER = 101, FIRST_ACCOUNT = 501, FIRST_PRODUCT = 5001, FIRST_INVOICE = 9001,
      FIRST_SUPPLIER_USER = 101, FIRST_CUSTOMER_USER = 1001};

/** How many there are always. Staff users begin at 1: three admins, then sales representatives and who collects. */
enum {STAFF = 12, LOCATIONS = 3, CATEGORIES = 8, TERMS = 6};

/** What there is more of the larger the scale. */
enum {SUPPLIERS, CUSTOMERS, PRODUCTS, PROMOTIONS, MENUS, ALLOCATIONS, RETAIL, INVOICES, PAYMENTS, VENDORS, PURCHASES,
      KINDS};

/** What the numbers from demo_pick() are for. */
enum {FOR_NAME = 16, FOR_STATUS, FOR_PRICE, FOR_SUPPLIER, FOR_LINE, FOR_UNITS, FOR_CUSTOMER, FOR_FATE, FOR_STOCK,
      FOR_KIND = 26, FOR_TEXT};

/** The run. */
typedef struct {
    demo d;
    apr_pool_t *row;                        /**< texts of a few rows; cleared by functions that write many */
    int n[KINDS];
    int today;                              /**< the day the data is of */
} world;

/** A line of an invoice. */
typedef struct {
    int product, units, per_case;
    apr_int64_t full, unit, ext;
} sale;

/** An invoice; customer and product are numbers from 0, the others ids. */
typedef struct {
    int id, customer, account, day, due, term, status, payment, nlines;
    apr_int64_t total, debit, credit, paid; /**< what is open on either side; what its payment applies to it */
    sale lines[DEMO_LINES];
} invoice;

/** A credit term. */
typedef struct {
    const char *term;
    int days;
} demo_term;

extern const demo_term demo_terms[TERMS];
extern const char *const demo_categories[CATEGORIES];

/** The world at a scale: 1 is the sample, 25 has 100,000 invoices. */
void demo_world(world *w, int scale);

/** Customer `c`, from 0; supplier `s` and location `l`, from 1; product `p`, from 0. */
const char *demo_customer_state(int c);
int demo_customer_location(int c);
const char *demo_location_state(int l);
const char *demo_supplier_state(int s);
const char *demo_supplier_name(const world *w, int s);
const char *demo_product_state(const world *w, int p);
int demo_product_supplier(const world *w, int p);    /**< 0: none */
int demo_product_per_case(int p);
apr_int64_t demo_product_price(int p);

/** Whether what belongs to state `of` is of use in `state`: '' is everywhere. */
int demo_in_state(const char *state, const char *of);

/** Every eighth customer has a second account; this is it. */
int demo_second_account(const world *w, int c);

/** A name with a number, and an address with one; they live in w->row. */
const char *demo_named(const world *w, const char *name, int n);
const char *demo_url(const world *w, const char *what, int id);

/** Works invoice `n`, from 0, out. */
void demo_invoice(const world *w, int n, invoice *v);

/** The number of the invoice that payment `n`, from 1, is for. */
int demo_invoice_of_payment(const world *w, int n);

#endif

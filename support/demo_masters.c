/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_masters - places, people, products and promotions of the made-up distributor.
 */
#include "demo_masters.h"

#include <string.h>

#include <apr_strings.h>

static const char *const goods[] = {"Dark Chocolate Bar", "Café con Leche Bites", "Blueberry Gummies", "Mint Tin",
                                    "Live Resin 1g", "Crème Brûlée Truffles", "Pre-Roll 5-Pack",
                                    "\"House\" Flower 3.5g",
                                    "Sparkling Yuzu 🍋", "Caramel, Salted", "Vape Cartridge", "Tincture 30ml"};
static const char *const flavors[] = {"dark", "milk", "yuzu", "mint", "crème", NULL};
static const char *const shops[] = {"Green Door", "Kettle's Corner", "Señor Verde", "Elm Street Wellness",
                                    "The \"Lab\"",
                                    "Bay, Leaf & Stone", "Müller's Garden", "Harbor House 🌿"};
static const char *const cities[] = {"Los Angeles", "Oakland", "Newark", "San José", "Hoboken", "Cañada", "Trenton"};
static const char *const people[] = {"Jane Smith", "Zoë O'Neill", "Miguel Peña", "Anke Müller", "Li Wei",
                                     "Tom \"Ace\" Hill",
                                     "Priya Rao", "Søren Dahl", "Olu Ade"};
static const char *const groups[] = {"Cookies", "Tinctures", "Beverages"};

static void write_places(world *w)
{
    static const char *const places[] = {"Alameda", "Los Angeles", "Newark"};
    demo_file f;
    int i;

    demo_open(&w->d, &f, "states.csv", "StateAbbreviation,StateName,OrderCutOffTime,TimeZone,OrderCutOffDaysInAdvance,"
              "Active,TimeUpdated");
    demo_row(&f, "ssssibt", "CA", "California", "2:30 PM", "America/Los_Angeles", 1, 1, w->today - 300);
    demo_row(&f, "ssssibt", "NJ", "New Jersey", "12:00 PM", "America/New_York", 2, 1, w->today - 300);
    demo_row(&f, "ssssibt", "NV", "Nevada", "", "America/Los_Angeles", 0, 0, w->today - 400);
    demo_close(&f);
    demo_open(&w->d, &f, "locations.csv", "LocationID,Location,DBA,Address,Address2,City,State,PostalCode");
    for (i = 1; i <= LOCATIONS; i++) {
        demo_row(&f, "isssssss", i, places[i - 1], "Demo Sales & Service", demo_named(w, "Loop Rd", 2300 + i),
                 i == 2 ? "Dock 7" : NULL, places[i - 1], demo_location_state(i), i == 3 ? "07102" : "94502");
    }
    demo_close(&f);
    demo_open(&w->d, &f, "credit_terms.csv", "TermID,Term,DaysOfCredit,AccountOnHold,TimeUpdated");
    for (i = 0; i < DEMO_COUNT(demo_terms); i++) {
        demo_row(&f, "isibt", i + 1, demo_terms[i].term, demo_terms[i].days, i == 5, w->today - 600);
    }
    demo_close(&f);
    demo_open(&w->d, &f, "product_categories.csv", "ProductCategoryID,CategoryName,Sequence,TimeUpdated");
    for (i = 0; i < CATEGORIES; i++) {
        demo_row(&f, "isit", i == 7 ? 10 : i + 1, demo_categories[i], (i * 3) % CATEGORIES + 1, w->today - 500);
    }
    demo_close(&f);
}

static void write_suppliers(world *w)
{
    demo_file f, t;
    int s;

    demo_open(&w->d, &f, "suppliers.csv", "SupplierID,Supplier,State,Active,Description,BrandAssetsURL,"
              "SupplierWebsiteURL,TimeUpdated");
    demo_open(&w->d, &t, "supplier_credit_terms.csv", "SupplierID,TermID,TimeUpdated");
    for (s = 1; s <= w->n[SUPPLIERS]; s++) {
        demo_row(&f, "issbssst", s, demo_supplier_name(w, s), demo_supplier_state(s),
                 s % 11 != 0, s % 3 ? "Made in small batches, sold by the case." : NULL,
                 s % 2 ? demo_url(w, "brand", s) : NULL,
                 s % 4 ? "https://www.example.com" : NULL, w->today - 10 * s);
        demo_row(&t, "iit", s, 1 + s % 4, w->today - 10 * s);
        demo_row(&t, "iit", s, 1 + (s + 1) % 4, w->today - 10 * s);
    }
    demo_close(&f);
    demo_close(&t);
}

/** A user and the states it belongs to. */
static void write_user(world *w, demo_file *f, demo_file *states, int id, const char *role, const char *state)
{
    int active = id % 13 != 0;

    demo_row(f, "iibbssbsssst", id, 1000 + id, active, id % 2,
             id % 17 ? apr_psprintf(w->row, "%s%d@example.com", role, id) : NULL, role, id % 10 == 1,
             id % 3 ? NULL : "Buyer", id % 4 ? NULL : "Purchasing", demo_named(w, DEMO_OF(people, id), id),
             id % 5 ? apr_psprintf(w->row, "555-555-%04d", id % 10000) : NULL, w->today - id % 200);
    if (!*state || strcmp(state, "CA") == 0) {
        demo_row(states, "is", id, "CA");
    }
    if (!*state || strcmp(state, "NJ") == 0) {
        demo_row(states, "is", id, "NJ");
    }
}

/** Staff: the first three rule, the others are sales representatives and collection agents. */
static void write_users(world *w)
{
    demo_file f, states, customers, suppliers, locations;
    int i;

    demo_open(&w->d, &f, "users.csv", "UserID,SiteUserID,UserActive,KSSLiveAccess,Email,Role,PowerUser,JobTitle,"
              "Department,FullName,Phone,TimeUpdated");
    demo_open(&w->d, &states, "user_states.csv", "UserID,State");
    demo_open(&w->d, &customers, "user_customers.csv", "UserID,CustomerID");
    demo_open(&w->d, &suppliers, "user_suppliers.csv", "UserID,SupplierID");
    demo_open(&w->d, &locations, "user_locations.csv", "UserID,LocationID");
    for (i = 1; i <= STAFF; i++) {
        write_user(w, &f, &states, i, i <= 3 ? "Admin" : "DistributorRep", i <= 3 ? "" : i % 2 ? "CA" : "NJ");
        demo_row(&locations, "ii", i, 1 + i % LOCATIONS);
    }
    for (i = 1; i <= w->n[SUPPLIERS]; i++) {
        write_user(w, &f, &states, FIRST_SUPPLIER_USER + i - 1, "Supplier", demo_supplier_state(i));
        demo_row(&suppliers, "ii", FIRST_SUPPLIER_USER + i - 1, i);
    }
    for (i = 0; i < w->n[CUSTOMERS]; i++) {
        write_user(w, &f, &states, FIRST_CUSTOMER_USER + i, "Customer", demo_customer_state(i));
        demo_row(&customers, "ii", FIRST_CUSTOMER_USER + i, FIRST_CUSTOMER + i);
        if (i % 10 == 5) {
            demo_row(&customers, "ii", FIRST_CUSTOMER_USER + i, FIRST_CUSTOMER + i - 3);
        }
    }
    demo_close(&f);
    demo_close(&states);
    demo_close(&customers);
    demo_close(&suppliers);
    demo_close(&locations);
}

/** Of customer `c`. */
static int sales_rep(int c) { return 4 + c % 7; }

static void write_reps(world *w)
{
    demo_file of, customers, suppliers;
    int i, k;

    demo_open(&w->d, &of, "sales_rep_groups.csv", "UserID,ProductGroup");
    demo_open(&w->d, &customers, "sales_rep_customers.csv", "UserID,CustomerID");
    demo_open(&w->d, &suppliers, "sales_rep_suppliers.csv", "UserID,SupplierID");
    for (i = 4; i <= 10; i++) {
        demo_row(&of, "is", i, DEMO_OF(groups, i));
        demo_row(&of, "is", i, DEMO_OF(groups, i + 1));
        for (k = 1 + i % 3; k <= w->n[SUPPLIERS]; k += 3) {
            demo_row(&suppliers, "ii", i, k);
        }
    }
    for (i = 0; i < w->n[CUSTOMERS]; i++) {
        demo_row(&customers, "ii", sales_rep(i), FIRST_CUSTOMER + i);
        demo_row(&customers, "ii", FIRST_SUPPLIER_USER + i % w->n[SUPPLIERS], FIRST_CUSTOMER + i);
    }
    for (i = 1; i <= w->n[SUPPLIERS]; i += 2) {
        demo_row(&of, "is", FIRST_SUPPLIER_USER + i - 1, "Supplier");
        demo_row(&suppliers, "ii", FIRST_SUPPLIER_USER + i - 1, i);
    }
    demo_close(&of);
    demo_close(&customers);
    demo_close(&suppliers);
}

static void write_customers(world *w)
{
    static const char *const days[] = {"1", "2;4", NULL, "3", "1;3;5", "5", "6;7", "4"};
    demo_file f, accounts, agreed;
    int c;

    demo_open(&w->d, &f, "customers.csv", "CustomerID,CustomerName,CustomerNameAlt,ChainName,LicenseNum,Address,City,"
              "State,PostalCode,LocationID,AccountStatus,OnHold,SalesRepUserID,CollectionAgentUserID,DeliveryDays,"
              "DeliveryMinimum,TimeUpdated");
    demo_open(&w->d, &accounts, "ar_accounts.csv", "ARAccountID,CustomerID,Name");
    demo_open(&w->d, &agreed, "customer_credit_terms.csv", "CustomerID,SupplierID,TermID,TimeUpdated");
    for (c = 0; c < w->n[CUSTOMERS]; c++) {
        int id = FIRST_CUSTOMER + c, s;
        const char *name = demo_named(w, DEMO_OF(shops, c), c + 1);

        demo_row(&f, "issssssssisbiisst", id, name, c % 3 ? NULL : DEMO_OF(shops, c), c % 5 ? NULL : "Kettle's Chain",
                 c % 7 ? apr_psprintf(w->row, "C10-%07d-LIC", id) : NULL, demo_named(w, "Main St", 100 + c),
                 DEMO_OF(cities, c),
                 demo_customer_state(c), apr_psprintf(w->row, "%05d", 90001 + c), demo_customer_location(c),
                 c % 9 == 7 ? "Inactive" : c % 16 == 13 ? "OutOfBus" : "Active", c % 12 == 4,
                 c % 6 ? sales_rep(c) : DEMO_NONE, c % 4 ? DEMO_NONE : 11, DEMO_OF(days, c),
                 c % 3 ? "500.00" : NULL, w->today - c % 90);
        demo_row(&accounts, "iis", FIRST_ACCOUNT + c, id, name);
        if (c >= 8 && c % 8 == 0) {
            demo_row(&accounts, "iis", demo_second_account(w, c), id, apr_pstrcat(w->row, name, " (events)", NULL));
        }
        for (s = 1 + c % 5; s <= w->n[SUPPLIERS]; s += 5) {
            demo_row(&agreed, "iiit", id, s, 1 + (c + s) % 4, w->today - 100);
        }
    }
    demo_close(&f);
    demo_close(&accounts);
    demo_close(&agreed);
}

static void write_product(const world *w, demo_file *f, int p)
{
    static const char *const weights[] = {"50g", "1g", "355 ml", "3.5g"};
    static const char *const blends[] = {"Hybrid", "Indica", "Sativa"};
    int s = demo_product_supplier(w, p), id = FIRST_PRODUCT + p, category = p % CATEGORIES;
    const char *brand = demo_supplier_name(w, s ? s : 1);

    demo_row(f, "iissississssssiisbiisssissmt", id, s ? s : DEMO_NONE,
             demo_named(w, DEMO_OF(goods, demo_pick(FOR_NAME, p, DEMO_COUNT(goods))), p + 1), brand, 10 + category,
             demo_categories[category], DEMO_OF(weights, p), demo_product_per_case(p),
             p % 4 ? NULL : "Rich and dark,\nwith a \"snap\".", p % 5 ? NULL : "Cocoa, sugar, salt.",
             p % 3 ? demo_url(w, "thumb", id) : NULL, p % 6 ? NULL : "100mg THC", p % 8 ? NULL : "32.87% THC",
             p % 3 ? DEMO_OF(blends, p) : NULL, p % 50 == 49 ? DEMO_NONE : category == 7 ? 10 : category + 1,
             demo_pick(FOR_STATUS, p, 10) < 7 ? 1 : demo_pick(FOR_KIND, p, 6), demo_product_state(w, p), p % 40 == 1,
             category + 1, 15, demo_named(w, "Case of", demo_product_per_case(p)), p % 7 ? NULL : "OG Kush",
             DEMO_OF(flavors, p), 2600 + s, apr_pstrcat(w->row, brand, " Base", NULL),
             p % 3 ? apr_psprintf(w->row, "SKU-%05d", id) : NULL, demo_product_price(p), w->today - p % 120);
}

static void write_products(world *w)
{
    demo_file f;
    int p;

    demo_open(&w->d, &f, "products.csv", "ProductID,SupplierID,ProductName,BrandFamily,ProductTypeID,ProductTypeName,"
              "UnitNetWeight,WholesaleUnitsPerCase,Description,Ingredients,ThumbnailImageURL,Potency,PotencyTHC,Blend,"
              "KSSLiveCategoryID,StatusID,State,IsSample,ProductGroupID,PackageID,PackageName,StrainName,Flavor,BrandID,"
              "BrandName,SupplierProductNumber,FullPrice,TimeUpdated");
    for (p = 0; p < w->n[PRODUCTS]; p++) {
        write_product(w, &f, p);
        apr_pool_clear(w->row);
    }
    demo_close(&f);
}

/** The shapes of promotions: days from today, NONE an open end; the price in cents, 0 for none. */
static const struct {
    const char *name;
    int start, end, all, price;
} deals[] = {
    {"Spring Chocolate Deal", -40, 40, 0, 650}, {"Everything must go", -30, 30, 1, 900},
    {"Open end", -200, DEMO_NONE, 0, 725},
    {"Above the list", -20, 90, 0, 9900}, {"Expired", -300, -200, 0, 500}, {"To come", 20, 60, 0, 475},
    {"Übersee-Aktion", -40, 10, 0, 600}, {"Just today", 0, 0, 0, 410}, {"Display only", -60, 60, 0, 0},
    {"Late 🎃 deal", -5, 5, 0, 333}, {"House price", -400, DEMO_NONE, 1, 1050}, {"Two for one", -10, 25, 0, 512}};

static void write_promotions(world *w)
{
    demo_file f, states, products;
    int m, p, found;

    demo_open(&w->d, &f, "promotions.csv", "PromotionID,SupplierID,PromotionTypeID,PromotionName,ProductOverrideType,"
              "UnitPrice,StartDate,EndDate,AllProducts,TimeUpdated");
    demo_open(&w->d, &states, "promotion_states.csv", "PromotionID,State");
    demo_open(&w->d, &products, "promotion_products.csv", "PromotionID,ProductID");
    for (m = 0; m < w->n[PROMOTIONS]; m++) {
        int id = 42 + m, k = m % DEMO_COUNT(deals), s = 1 + m * 5 % w->n[SUPPLIERS] / 2;
        int end = deals[k].end == DEMO_NONE ? DEMO_NONE : w->today + deals[k].end;

        demo_row(&f, "iiisssddbt", id, s, 1 + k % 4, deals[k].name, "none",
                 deals[k].price ? apr_psprintf(w->row, "%d.%02d", deals[k].price / 100, deals[k].price % 100) : NULL,
                 w->today + deals[k].start, end, deals[k].all, w->today - 60);
        if (demo_in_state("CA", demo_supplier_state(s))) {
            demo_row(&states, "is", id, "CA");
        }
        if (demo_in_state("NJ", demo_supplier_state(s))) {
            demo_row(&states, "is", id, "NJ");
        }
        for (p = 0, found = 0; p < w->n[PRODUCTS] && found < 5 && !deals[k].all; p++) {
            if (demo_product_supplier(w, p) == s && (m + p) % 4) {
                demo_row(&products, "ii", id, FIRST_PRODUCT + p);
                found++;
            }
        }
    }
    demo_close(&f);
    demo_close(&states);
    demo_close(&products);
}

static void write_menus(world *w)
{
    demo_file f;
    int m;

    demo_open(&w->d, &f, "menu_promotions.csv", "MenuPromotionID,SupplierID,State,Description,StartDate,EndDate,"
              "TimeCreated,TimeUpdated");
    for (m = 0; m < w->n[MENUS]; m++) {
        int s = 1 + m % w->n[SUPPLIERS];

        demo_row(&f, "iissddtt", 7001 + m, s, *demo_supplier_state(s) ? demo_supplier_state(s) : m % 2 ? "CA" : "NJ",
                 m % 2 ? "Featured products for autumn menus." : "Neu: \"Herbst\", solange der Vorrat reicht 🍂",
                 w->today - 30 * (m % 4), w->today + 60 - 40 * (m % 3), w->today - 140, w->today - 100);
    }
    demo_close(&f);
}

void demo_masters(world *w)
{
    write_places(w);
    write_suppliers(w);
    write_users(w);
    write_reps(w);
    write_customers(w);
    write_products(w);
    write_promotions(w);
    write_menus(w);
}

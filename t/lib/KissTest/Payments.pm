# SPDX-License-Identifier: Apache-2.0
package KissTest::Payments;

# What the one write of the KSS API needs: a customer with payments that can be allocated to an invoice.

use strict;
use warnings;
use Exporter 'import';
use KissTest;

our @EXPORT = qw(make_payments pay_path);

# make_payments($db, $n, $amount): customer 1 with AR account 11, its payments PAY-1 to PAY-n of that amount each, its invoice INV-1. Returns a
# key of the customer.
sub make_payments {
    my ($db, $n, $amount) = @_;
    sql($db, <<"SQL");
INSERT INTO portal_user (user_id, role) VALUES (501, 'Customer');
INSERT INTO customer (customer_id, customer_name, state) VALUES (1, 'One', 'CA');
INSERT INTO supplier (supplier_id, supplier) VALUES (7, 'Seven');
INSERT INTO ar_account (ar_account_id, customer_id) VALUES (11, 1);
INSERT INTO payment_type (payment_type_id, name) VALUES (1, 'Check');
INSERT INTO payment (payment_id, payment_invoice_num, ar_account_id, payment_type_id, supplier_id, amount, post_date)
    SELECT seq, CONCAT('PAY-', seq), 11, 1, 7, $amount, '2025-03-01' FROM seq_1_to_$n;
INSERT INTO invoice (invoice_id, customer_id, ar_account_id, invoice_num, date, status) VALUES (41, 1, 11, 'INV-1', '2025-03-01', 1);
SQL
    return issue_kss_key(type => 'customer', ids => [1], user => 501);
}

# pay_path($payment, $amount): what is posted to, to allocate so much of it.
sub pay_path { my ($payment, $amount) = @_; return "/api/v1/payments/applications?PaymentInvoiceNum=$payment&TargetInvoiceNum=INV-1&ARAccountID=11&Amount=$amount" }

1;

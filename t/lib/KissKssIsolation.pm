# SPDX-License-Identifier: Apache-2.0
package KissKssIsolation;

# What an answer of the KSS API must not hold, and all forms of an answer that another key's rows could slip into: t/52-kss-isolation.t
# asks for them. What belongs to whom is read from the CSV files of KissKssData.

use strict;
use warnings;
use Exporter 'import';
use IO::Uncompress::Gunzip qw(gunzip);
use KissKssClient;
use KissKssContract;
use KissKssData;

our @EXPORT = qw(ids_of whole_params strange_in page_forms);

# _column($expect, $file, $name): a column of one of the files.
sub _column { my ($expect, $file, $name) = @_; return map { $_->{$name} } @{ $expect->{file}{$file} } }

# ids_of($expect): all ids that there are, by the name of the parameter that takes them.
sub ids_of {
    my ($expect) = @_;
    my %from = (CustomerID => 'customers', InvoiceID => 'invoices', PurchaseID => 'purchases');
    return (
        (map { my $ids = [_column($expect, $from{$_}, $_)]; ("${_}s" => $ids, lcfirst($_) => $ids) } keys %from),
        map { lcfirst($_->[1]) => [_column($expect, @$_)] } [locations => 'LocationID'], [products => 'ProductID'], [suppliers => 'SupplierID'], [users => 'UserID']
    );
}

# whole_params($e, \%all_of): parameters of an endpoint with which an answer has as much as it can.
sub whole_params {
    my ($e, $all_of) = @_;
    my %params = (map({ $_->{name} => $all_of->{ $_->{name} } } grep { $_->{required} && $_->{name} ne ($e->{named} // '') } @{ $e->{params} }),
        $e->{kind} eq 'list' ? (PageSize => [500]) : ());
    $params{EffectiveDate} = ['2030-06-14'] if $e->{path} eq '/customerPricing';
    $params{ $e->{named} } = [$all_of->{ $e->{named} }[0]] if $e->{named};
    return \%params;
}

my %OF_STATES = map { $_ => 1 } qw(/customers /customers/:customerID /deliveryDays /users /users/:userID /salesReps);

# Who belongs where, read once: {state} of a customer, {owner} of an AR account, {supplier}.
my %known;
sub _known {
    my ($expect) = @_;
    return $known{$expect} ||= {
        state => { map { $_->{CustomerID} => $_->{State} } @{ $expect->{file}{customers} } },
        owner => { map { $_->{ARAccountID} => $_->{CustomerID} } @{ $expect->{file}{ar_accounts} } },
        supplier => { map { $_->{SupplierID} => $_ } @{ $expect->{file}{suppliers} } },
    };
}

# All numbers that stand under a name or, in a list, under its plural.
sub _values_under {
    my ($text, $name) = @_;
    return ($text =~ /"$name":(-?\d+)/g, map { split /,/ } $text =~ /"${name}s":\[([^\]]*)\]/g);
}

# strange_in($expect, $name, $path, $res): what an answer to the key of %KEYS holds that is not the key's: ids, and marks in texts.
sub strange_in {
    my ($expect, $name, $path, $res) = @_;
    my ($type, $text, $is) = ($KEYS{$name}{type}, $res->{content}, _known($expect));
    my %own = map { $_ => 1 } @{ $KEYS{$name}{ids} };
    return () if $type eq 'employee';
    my %states = map { $is->{supplier}{$_}{State} => 1 } grep { $is->{supplier}{$_} } keys %own;
    my @customers = _values_under($text, 'CustomerID');
    if ($type eq 'customer') {
        return (map({"customer $_"} grep { !$own{$_} } @customers, $text =~ /~C(\d+)~/g),
            map({"account $_"} grep { !$own{ $is->{owner}{$_} || 0 } } _values_under($text, 'ARAccountID')));
    }
    return (map({"supplier $_"} grep { !$own{$_} } _values_under($text, 'SupplierID'), $text =~ /~S(\d+)~/g),
        $OF_STATES{$path} && !$states{''} ? map({"customer $_"} grep { !$states{ $is->{state}{$_} } } @customers) : ());
}

# The text of the rows of a page, and whether there is another one.
sub _rows_text { my ($res) = @_; return $res->{content} =~ /\A\{"Data":\[(.*)\],"Page":\d+,"PageSize":\d+,"HasNextPage":(true|false)\}\z/s }

# page_forms($ask, $name, $e, \%params, \%whole): what is wrong with the forms of an answer: compressed, HEAD, a range, page by page, with the
# tags of others. $ask->($method, $name, $url, %headers) asks; %whole: the answers of all keys to this request.
sub page_forms {
    my ($ask, $name, $e, $params, $whole) = @_;
    my $mine = $whole->{$name};
    my ($url, $tag, @wrong) = (url_of($e->{path}, $params), $mine->{headers}{etag});
    my $check = sub { my ($what, $ok, $res) = @_; push @wrong, "$what: $res->{status}" if !$ok };

    my $gz = $ask->('GET', $name, $url, 'Accept-Encoding' => 'gzip');
    my $text = $gz->{content};
    gunzip(\$gz->{content}, \$text) if ($gz->{headers}{'content-encoding'} // '') eq 'gzip';
    $check->('compressed', $gz->{status} == 200 && $text eq $mine->{content}, $gz);
    my $res = $ask->('HEAD', $name, $url);
    $check->('HEAD', $res->{status} == 200 && !length($res->{content} // '') && $res->{headers}{etag} eq $tag
            && $res->{headers}{'content-length'} == length $mine->{content}, $res);
    $res = $ask->('GET', $name, $url, Range => 'bytes=5-44');
    $check->('a range', $res->{status} == 206 && $res->{content} eq substr($mine->{content}, 5, 40), $res);
    # The next one in the row, so that each has been somebody's; t/52-kss-isolation.t has all pairs.
    my @row = sort keys %$whole;
    my ($at) = grep { $row[$_] eq $name } 0 .. $#row;
    my ($other) = grep { $whole->{$_}{content} ne $mine->{content} } (@row, @row)[$at .. $at + $#row];
    if (defined $other) {
        my $foreign = $whole->{$other}{headers}{etag};
        $res = $ask->('GET', $name, $url, Range => 'bytes=5-44', 'If-Range' => $foreign, 'If-None-Match' => $foreign);
        $check->("the tag of $other", $res->{status} == 200 && $res->{content} eq $mine->{content}, $res);
        $res = $ask->('GET', $name, $url, 'If-Match' => $foreign);
        $check->("If-Match of $other", $res->{status} == 412 && $res->{content} !~ /~[CS]\d/, $res);
    }
    return @wrong if $e->{kind} ne 'list';
    # All pages of two rows each have the rows of the whole, in its order, and what is behind them has none.
    my ($wanted, $more) = _rows_text($mine);
    my ($got, $page) = ('', 0);
    while ($more ne 'false' || !$page) {
        $res = $ask->('GET', $name, url_of($e->{path}, { %$params, Page => [++$page], PageSize => [2] }));
        (my $rows, $more) = _rows_text($res) or return (@wrong, "page $page: $res->{status}");
        $got .= ($got eq '' || $rows eq '' ? '' : ',') . $rows;
        last if $page == 3;
    }
    $check->("$page pages", $more eq 'false' ? $got eq $wanted : index($wanted, "$got,") == 0, $res);
    $res = $ask->('GET', $name, url_of($e->{path}, { %$params, Page => [100_000], PageSize => [2] }));
    $check->('a page behind the end', (_rows_text($res))[0] eq '', $res);
    return @wrong;
}

1;

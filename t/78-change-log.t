# The log of changes in the Customer API's database: whatever ordinary SQL does to a table, the log tells which SKUs are shown
# otherwise, by a chain from revision to revision; what it cannot tell is a gap. It is bounded, and in nobody's way.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use KissTest;
use KissTest::CSV qw(csv_rows csv_write);
use KissTest::ChangeLog;
use KissTest::Database;
use KissTest::Load;
use Test::More;
use Time::HiRes qw(sleep time);

my @with_sku = qw(product product_image product_accessory product_substitution product_composition price stock);
my %scope_of = (price => 'price_list_code', stock => 'stock_location');

my $db = new_database('log');
import_sample($db);
my %columns = map {
    my $t = $_;
    $t => [map { $_->[0] } sql($db, 'SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()'
            . " AND table_name = '$t' AND is_generated = 'NEVER' ORDER BY ordinal_position")]
} @with_sku;
my $content_sql = content_sql(\%columns);

sub one { return (sql(@_))[0][0] }

# state($db): its content and its revisions.
sub state_of { return content_of(sql($_[0], $content_sql)) }

# told($db, $from, $to): what the log tells of two states: { "dataset scope" => { SKU => 1 }, or undef }.
sub told {
    my ($of, $from, $to) = @_;
    my %told;
    for my $key (grep { !/^(?:epoch|customers) / } keys %{ $to->{n} }) {
        my ($dataset, $scope) = split / /, $key, 2;
        my ($old, $new) = map { $_->{n}{$key} // 0 } $from, $to;
        $told{$key} = changes_between($old, $new, sql($of, changes_sql($dataset, $scope, $old, $new)));
    }
    return \%told;
}

# untold($from, $to, $told): differences that are not told, as text; what is unknown tells everything.
sub untold {
    my ($from, $to, $told) = @_;
    my $differs = differences($from, $to);
    my @missing;
    for my $key (sort keys %$differs) {
        next if exists $told->{$key} && !defined $told->{$key};
        push @missing, map {"$key $_"} grep { !$told->{$key}{$_} } sort keys %{ $differs->{$key} };
    }
    return join ', ', @missing;
}

# superfluous($from, $to, $told): what is told though nothing differs.
sub superfluous {
    my ($from, $to, $told) = @_;
    my $differs = differences($from, $to);
    my @more;
    for my $key (sort grep { $told->{$_} } keys %$told) {
        push @more, map {"$key $_"} grep { !$differs->{$key}{$_} } sort keys %{ $told->{$key} };
    }
    return join ', ', @more;
}

# value($column): SQL for another value of a column that is no key.
sub value {
    my ($type, $c) = @_;
    return $type =~ /char|text/ ? "LEFT(CONCAT('x', COALESCE($c, '')), 20)"
        : $type =~ /date/ ? "COALESCE($c, '2026-01-01') + INTERVAL 1 DAY" : $type eq 'tinyint' ? "1 - $c" : "$c + 1";
}

# operations($table): every ordinary way to change it, as [name, SQL that prepares, SQL].
sub operations {
    my ($t) = @_;
    my %type = map { @$_ } sql($db, "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '$t'");
    my @key = map { $_->[0] } sql($db, 'SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE()'
            . " AND table_name = '$t' AND constraint_name = 'PRIMARY' ORDER BY ordinal_position");
    my %key = map { $_ => 1 } @key;
    my @plain = grep { !$key{$_} } @{ $columns{$t} };
    my $list = join ', ', @{ $columns{$t} };
    my $same = join ' AND ', map {"o.$_ = n.$_"} @key;
    # Three SKUs, and all their rows.
    my $where = "sku IN (SELECT sku FROM (SELECT DISTINCT sku FROM $t ORDER BY sku DESC LIMIT 3) x)";
    my $some = "CREATE OR REPLACE TEMPORARY TABLE some SELECT $list FROM $t WHERE $where";
    my $last = $plain[-1] // $key[-1];
    my $file = tempdir_here() . '/rows';
    chmod 0777, $file =~ s{/rows}{}r;
    my @changed = @plain ? map { $_ eq $last ? value($type{$_}, $_) : $_ } @{ $columns{$t} } : @{ $columns{$t} };
    sql($db, 'SELECT ' . join(', ', @changed) . " FROM $t WHERE $where INTO OUTFILE '$file' CHARACTER SET utf8mb4");
    my $new = $t eq 'product' ? 'CONCAT("new ", sku)' : 'sku';
    my $other = $type{ $key[-1] } =~ /char/ ? "CONCAT(LEFT($key[-1], 6), '!')" : $type{ $key[-1] } eq 'tinyint' ? "1 - $key[-1]" : "$key[-1] + 1000";
    return (
        ['INSERT', "$some; DELETE FROM $t WHERE $where", "INSERT INTO $t ($list) SELECT $list FROM some"],
        ['INSERT IGNORE', "$some; DELETE FROM $t WHERE $where LIMIT 1", "INSERT IGNORE INTO $t ($list) SELECT $list FROM some"],
        (map { my $k = $_; ["UPDATE of $k", '', "UPDATE $t SET $k = " . value($type{$k}, $k) . " WHERE $where"] } @plain),
        (map { my $k = $_; ["UPDATE of the key's $k", '', "UPDATE IGNORE $t SET $k = " . ($type{$k} =~ /char/ ? "CONCAT(LEFT($k, 6), '!')"
                    : $type{$k} eq 'tinyint' ? "1 - $k" : "$k + 1000") . " WHERE $where"] } @key),
        ["UPDATE of key and value", '', "UPDATE IGNORE $t SET $last = " . value($type{$last}, $last) . ", $key[-1] = $other WHERE $where"],
        ['UPDATE over a join', $some, "UPDATE $t o JOIN some n ON $same SET o.$last = " . value($type{$last}, "n.$last")],
        ['UPDATE to the same', '', "UPDATE $t SET $last = $last WHERE $where"],
        ['REPLACE', $some, "REPLACE INTO $t ($list) SELECT " . join(', ', @changed) . ' FROM some'],
        ['ON DUPLICATE KEY UPDATE', $some, "INSERT INTO $t ($list) SELECT $list FROM some ON DUPLICATE KEY UPDATE $last = " . value($type{$last}, "$t.$last")],
        ['LOAD DATA REPLACE', '', "LOAD DATA INFILE '$file' REPLACE INTO TABLE $t CHARACTER SET utf8mb4 ($list)"],
        ['DELETE over a join', $some, "DELETE o FROM $t o JOIN some n ON $same"],
        ['DELETE', '', "DELETE FROM $t WHERE $where"],
        ['DELETE with LIMIT', '', "DELETE FROM $t WHERE $where ORDER BY $key[0] LIMIT 2"]
    );
}

# run_one($op): performs it and takes it back: (content before, content after, what the log tells).
sub run_one {
    my ($op, $finish) = @_;
    my ($name, $prepare, $sql) = @$op;
    my @rows = sql($db, 'SET foreign_key_checks = 0; SET SESSION group_concat_max_len = 1000000; START TRANSACTION; ' . ($prepare ? "$prepare; " : '')
            . "SELECT 'before'; $content_sql; $sql; SELECT 'after'; $content_sql; SELECT 'log'; SELECT dataset, scope, n, prev, sku FROM change_log ORDER BY 1, 2, n DESC; "
            . ($finish // 'ROLLBACK'));
    my %part;
    my $at = '';
    for (@rows) {
        if (@$_ == 1) { $at = $_->[0] }
        else { push @{ $part{$at} }, $_ }
    }
    my ($from, $to) = map { content_of(@{ $part{$_} }) } qw(before after);
    my %told;
    for my $key (grep { !/^(?:epoch|customers) / } keys %{ $to->{n} }) {
        my ($dataset, $scope) = split / /, $key, 2;
        my ($old, $new) = map { $_->{n}{$key} // 0 } $from, $to;
        $told{$key} = changes_between($old, $new, map { [@$_[2 .. 4]] }
                grep { $_->[0] eq $dataset && $_->[1] eq $scope && $_->[2] > $old && $_->[2] <= $new } @{ $part{log} // [] });
    }
    return ($from, $to, \%told);
}

subtest 'every ordinary operation over every table' => sub {
    my ($done, $loud, @wrong) = (0, 0);
    for my $t (@with_sku) {
        for my $op (operations($t)) {
            my ($from, $to, $told) = eval { run_one($op) };
            if ($@) {
                push @wrong, "$t: $op->[0]: $@";
                next;
            }
            $done++;
            # A list that there was not has no revision that anything could be known from.
            my @unknown = grep { !defined $told->{$_} && $from->{n}{$_} } keys %$told;
            push @wrong, "$t: $op->[0]: the log does not tell of @unknown" if @unknown;
            my $missing = untold($from, $to, $told);
            push @wrong, "$t: $op->[0]: not logged: $missing" if $missing;
            # Rows that are taken out and put in again are logged, whatever comes of it; others only when they are changed.
            my $more = superfluous($from, $to, $told);
            push @wrong, "$t: $op->[0]: logged for nothing: $more" if $more && $op->[0] !~ /REPLACE|to the same|key/;
            $loud += !keys %{ differences($from, $to) };
        }
    }
    is join("\n", @wrong), '', "$done operations over " . @with_sku . ' tables are logged';
    cmp_ok $loud, '<', 12, "... of which $loud show nothing else afterwards";
};

subtest 'what is about a whole list or warehouse is no SKU' => sub {
    for my $sql ("UPDATE price_list SET price_list_name = 'x' LIMIT 1", "UPDATE price_list SET currency_code = 'USD' LIMIT 1",
        "INSERT INTO price_list (price_list_code, currency_code) VALUES ('NEW', 'EUR')", "INSERT INTO warehouse VALUES ('NEW', '')",
        "UPDATE warehouse SET stock_location = 'other' LIMIT 1", 'DELETE FROM price_list LIMIT 1', 'DELETE FROM warehouse LIMIT 1')
    {
        my ($from, $to, $told) = run_one(['', '', $sql]);
        my @raised = grep { ($from->{n}{$_} // 0) ne $to->{n}{$_} } keys %{ $to->{n} };
        ok @raised && !grep({ defined $told->{$_} } @raised), "$sql: the log does not tell";
    }
    my ($from, $to, $told) = run_one(['', '', "UPDATE customer SET name = 'x'"]);
    is_deeply [grep { ($from->{n}{$_} // 0) ne $to->{n}{$_} } keys %{ $to->{n} }], ['customers '], 'customers: raised';
    is one($db, "SELECT COUNT(*) FROM change_log WHERE dataset IN ('customers', 'epoch')"), 0, '... and not logged';
    ($from, $to, $told) = run_one(['', '', 'INSERT INTO price_list (price_list_code, currency_code) VALUES ("NEW", "EUR");'
                . ' INSERT INTO price (price_list_code, sku) VALUES ("NEW", "x")']);
    is_deeply [one($db, "SELECT COUNT(*) FROM revision WHERE scope = 'NEW'"), $to->{content}{'prices NEW'} ? 1 : 0], [0, 1], 'a list and its first price';
};

# note_raises_without_sku($of): from now on they are in the table `silent`: the only reason, but for a cut, not to know what has changed.
sub note_raises_without_sku {
    my ($of) = @_;
    sql($of, 'CREATE TABLE silent (dataset VARCHAR(16), scope VARCHAR(64), n BIGINT UNSIGNED, PRIMARY KEY (dataset, scope, n))');
    sql($of, 'CREATE TRIGGER silent_raise BEFORE UPDATE ON revision FOR EACH ROW PRECEDES revision_raised '
            . 'REPLACE INTO silent SELECT NEW.dataset, NEW.scope, NEW.n FROM DUAL WHERE NEW.n <> OLD.n AND NEW.changed_sku IS NULL');
    return;
}

# unexplained($of, $from, $to, $told): what the log does not tell though it was raised by nothing but changes of SKUs.
sub unexplained {
    my ($of, $from, $to, $told) = @_;
    my @unknown = grep { !defined $told->{$_} && $from->{n}{$_} } sort keys %$told;
    my %cut = map { ("$_->[0] $_->[1]" => $_->[2]) } sql($of, 'SELECT dataset, scope, log_cut FROM revision');
    my %silent;
    push @{ $silent{"$_->[0] $_->[1]"} }, $_->[2] for sql($of, 'SELECT dataset, scope, n FROM silent');
    return grep {
        my $key = $_;
        $from->{n}{$key} >= $cut{$key} && !grep { $_ > $from->{n}{$key} && $_ <= $to->{n}{$key} } @{ $silent{$key} // [] }
    } @unknown;
}

# Random operations, some taken back, with states remembered on the way: whatever the log tells between any two of them is right.
subtest 'generated histories' => sub {
    my $seed = $ENV{KISS_TEST_SEED} || time;
    srand $seed;
    my $of = new_database('history');
    import_sample($of);
    note_raises_without_sku($of);
    my %operations = map { my $t = $_; $t => [grep { $_->[0] !~ /LOAD DATA/ } operations($t)] } @with_sku;
    my @states = state_of($of);
    my (@wrong, $known, $unknown);
    for my $round (1 .. 40) {
        for (1 .. 1 + rand 4) {
            my $t = $with_sku[rand @with_sku];
            my $op = $operations{$t}[rand @{ $operations{$t} }];
            my $extra = rand() < 0.1 ? "UPDATE price_list SET price_list_name = CONCAT('x', LEFT(price_list_name, 5)) LIMIT 1"
                : rand() < 0.1 ? "UPDATE revision SET n = n + 1 WHERE dataset = 'products'" : 'DO 0';
            eval { sql($of, "SET foreign_key_checks = 0; START TRANSACTION; " . ($op->[1] || 'DO 0') . "; $op->[2]; $extra; " . (rand() < 0.2 ? 'ROLLBACK' : 'COMMIT')); 1 }
                or $@ =~ /Duplicate|too long|Out of range/ or push @wrong, $@;
        }
        kissctl_ok({ db => $of }, qw(touch products)) if $round == 20;
        push @states, state_of($of);
        for my $from (@states[@states > 6 ? -6 : 0 .. -2], $states[0]) {
            my $told = told($of, $from, $states[-1]);
            my $missing = untold($from, $states[-1], $told);
            push @wrong, "round $round: not logged: $missing" if $missing;
            push @wrong, map {"round $round: the log does not tell of $_"} unexplained($of, $from, $states[-1], $told);
            defined $told->{$_} ? $known++ : $unknown++ for keys %$told;
        }
    }
    is join("\n", @wrong), '', "seed $seed: each of $known answers of the log is right, and what it could not tell $unknown times was raised without a SKU";
};

subtest 'gaps, rows of another life, rows in the way' => sub {
    my $of = new_database('life');
    import_sample($of);
    my $change = sub { sql($of, "UPDATE stock SET available_qty = available_qty + 1 WHERE stock_location = 'UK01' ORDER BY sku LIMIT $_[0]") };
    my $key = 'stock UK01';
    my @at = state_of($of);
    for (1 .. 4) {
        $change->($_);
        push @at, state_of($of);
    }
    my $tell = sub { my ($from, $to) = @_; return scalar keys %{ told($of, $at[$from], $at[$to])->{$key} // return 'unknown' } };
    is $tell->(0, 4), 4, 'a chain over four statements of ten rows';
    is $tell->(4, 4), 0, 'from a revision to itself';
    sql($of, "CREATE TABLE saved SELECT * FROM change_log WHERE dataset = 'stock'");
    my $row = "dataset = 'stock' AND n = " . ($at[2]{n}{$key});
    sql($of, "DELETE FROM change_log WHERE $row");
    is_deeply [map { $tell->($_, 4) } 0 .. 3], ['unknown', 'unknown', 4, 4], 'a row is missing: unknown from there on';
    sql($of, "REPLACE INTO change_log SELECT * FROM saved; UPDATE change_log SET prev = prev - 1 WHERE $row");
    is_deeply [map { $tell->($_, 4) } 0 .. 3], ['unknown', 'unknown', 4, 4], 'a row leads elsewhere';
    sql($of, "REPLACE INTO change_log SELECT * FROM saved; INSERT INTO change_log VALUES ('stock', 'UK01', " . ($at[2]{n}{$key} + 5) . ", 'x', $at[2]{n}{$key})");
    is_deeply [map { $tell->($_, 4) } 0 .. 3], ['unknown', 'unknown', 'unknown', 4], 'a row that no other leads to';
    sql($of, "DELETE FROM change_log WHERE sku = 'x'");
    sql($of, "REPLACE INTO change_log SELECT * FROM saved; UPDATE change_log SET sku = '' WHERE $row");
    is_deeply [map { $tell->($_, 4) } 0 .. 3], ['unknown', 'unknown', 4, 4], 'a marker';
    sql($of, 'REPLACE INTO change_log SELECT * FROM saved');
    is $tell->(0, 4), 4, 'whole again';

    # The revisions are taken back to state 2, the log is not: as when one table is restored.
    my $back = sub { sql($of, "UPDATE revision SET n = $at[2]{n}{$key} WHERE dataset = 'stock' AND scope = 'UK01'") };
    $back->();
    $change->(1);
    push @at, state_of($of);
    is $tell->(2, 5), 'unknown', 'only the revisions were restored: rows of the other life stand between';
    is $tell->(3, 5), 'unknown', '... and no state of that life is known';
    # A clock that is set back gives numbers that the log has already.
    $back->();
    sql($of, "SET TIMESTAMP = 1000000000; UPDATE stock SET available_qty = 9 WHERE stock_location = 'UK01' ORDER BY sku LIMIT 1");
    push @at, state_of($of);
    is $tell->(2, 6), 1, 'a clock that is set back: what is in the way gives way';
    sql($of, 'TRUNCATE change_log');
    is $tell->(2, 6), 'unknown', 'emptied: unknown';
    $change->(3);
    push @at, state_of($of);
    is $tell->(6, 7), 3, '... but from there on known again';
    kissctl_ok({ db => $of }, qw(touch stock UK01));
    push @at, state_of($of);
    is $tell->(7, 8), 'unknown', 'kissctl touch: unknown';
    $change->(2);
    push @at, state_of($of);
    is_deeply [$tell->(7, 9), $tell->(8, 9)], ['unknown', 2], '... known from there on';
    sql($of, 'DROP TRIGGER revision_raised');
    $change->(1);
    kissctl_ok({ db => $of }, qw(schema repair));
    is one($of, 'SELECT COUNT(*) FROM revision WHERE changed_sku IS NOT NULL'), 0, 'kissctl schema repair: nothing is left of a time without the trigger';
    push @at, state_of($of);
    is $tell->(9, 10), 'unknown', '... and what was before is not known';
    $change->(2);
    push @at, state_of($of);
    is $tell->(10, 11), 2, '... but what comes after';
};

# ---- imports

# The files of the sample, as rows that can be changed and written.
sub sample_files {
    my %files;
    for (qw(products product_images product_accessories product_substitutions product_composition price_lists prices warehouses stock customers)) {
        my $file = top() . "/sql/sample/$_.csv";
        $files{$_} = { columns => [split /,/, slurp($file) =~ /\A([^\r\n]*)/ ? $1 : ''], rows => csv_rows($file) };
    }
    return \%files;
}

# load($db, $files, @names): imports these of the files.
sub load {
    my ($of, $files, @names) = @_;
    my $dir = tempdir_here() . '/files';
    mkdir $dir;
    unlink glob "$dir/*";
    csv_write("$dir/$_.csv", $files->{$_}{columns}, $files->{$_}{rows}) for @names;
    return kissctl_ok({ db => $of }, 'import', '--remove-up-to', 100, $dir);
}

sub new_sku { return 'NEW' . int rand 1e12 }

# What happens to files from one day to the next: each changes rows of one SKU, of few or of many.
my @days = (
    sub { my ($f, $few) = @_; $_->{UnitPrice} += 1 for $few->('prices') },
    sub { my ($f, $few) = @_; $_->{DiscountEligible} = 1 - $_->{DiscountEligible} for $few->('prices') },
    sub { my ($f, $few) = @_; $_->{MOQ} += 1000 for $few->('prices') },
    sub { my ($f, $few) = @_; my %gone = map { $_ => 1 } $few->('prices'); $f->{prices}{rows} = [grep { !$gone{$_} } @{ $f->{prices}{rows} }] },
    sub { my ($f, $few) = @_; push @{ $f->{prices}{rows} }, map { { %$_, SKU => new_sku() } } $few->('prices') },
    sub { my ($f, $few) = @_; $_->{AvailableQTY} += 1 for $few->('stock') },
    sub { my ($f, $few) = @_; $_->{NextAvailableETA} = $_->{NextAvailableETA} ? '' : '2027-01-31' for $few->('stock') },
    sub { my ($f, $few) = @_; my %gone = map { $_ => 1 } $few->('stock'); $f->{stock}{rows} = [grep { !$gone{$_} } @{ $f->{stock}{rows} }] },
    sub { my ($f, $few) = @_; push @{ $f->{stock}{rows} }, map { { %$_, SKU => new_sku() } } $few->('stock') },
    sub { my ($f, $few) = @_; $_->{Theme} = "T$_->{Theme}" for $few->('products') },
    sub { my ($f, $few) = @_; $_->{Status} = $_->{Status} eq 'Obsolete' ? '' : 'Obsolete' for $few->('products') },
    sub { my ($f, $few) = @_; push @{ $f->{products}{rows} }, map { { %$_, SKU => new_sku(), Barcode => '' } } $few->('products') },
    sub { my ($f, $few) = @_;
        my %gone = map { $_->{SKU} => 1 } $few->('products');
        for my $name (qw(products product_images product_accessories product_substitutions product_composition)) {
            $f->{$name}{rows} = [grep { !$gone{ $_->{SKU} } } @{ $f->{$name}{rows} }];
        }
    },
    sub { my ($f, $few) = @_; $_->{FileName} = "x$_->{FileName}" for $few->('product_images') },
    sub { my ($f, $few) = @_; push @{ $f->{product_images}{rows} }, map { { %$_, ImageID => 1000 + int rand 1e6, IsPrimaryImage => 0 } } $few->('product_images') },
    sub { my ($f, $few) = @_; my %gone = map { $_ => 1 } $few->('product_accessories'); $f->{product_accessories}{rows} = [grep { !$gone{$_} } @{ $f->{product_accessories}{rows} }] },
    sub { my ($f, $few) = @_; $_->{SubstituteSKU} = new_sku() for $few->('product_substitutions') },
    sub { my ($f, $few) = @_; $_->{MaterialDescription} = "x$_->{MaterialDescription}" for $few->('product_composition') },
);
my @by_hand = ('UPDATE price SET unit_price = unit_price + 1 ORDER BY RAND() LIMIT 3', 'DELETE FROM stock ORDER BY RAND() LIMIT 2',
    "UPDATE product SET theme = CONCAT('y', LEFT(theme, 20)) ORDER BY RAND() LIMIT 3", 'DELETE FROM product_image ORDER BY RAND() LIMIT 2',
    "INSERT INTO price (price_list_code, sku, unit_price) SELECT price_list_code, CONCAT('new ', RAND()), 1 FROM price_list LIMIT 1",
    "UPDATE price_list SET price_list_name = CONCAT('x', LEFT(price_list_name, 5)) LIMIT 1");

subtest 'imports: the log tells what they have changed, and nothing else' => sub {
    my $seed = $ENV{KISS_TEST_SEED} || time;
    srand $seed;
    my $of = new_database('imports');
    my $files = sample_files();
    load($of, $files, keys %$files);
    is one($of, 'SELECT COUNT(*) FROM change_log'), 0, 'a first load has no log';
    my @states = state_of($of);
    load($of, $files, keys %$files);
    is one($of, 'SELECT COUNT(*) FROM change_log'), 0, '... nor has the same once more';
    my $few = sub { my $rows = $files->{ $_[0] }{rows}; return @$rows ? @$rows[map { int rand @$rows } 1 .. 1 + rand 4] : () };
    my ($known, $unknown, @wrong) = (0, 0);
    for my $round (1 .. 25) {
        $days[rand @days]->($files, rand() < 0.9 ? $few : sub { @{ $files->{ $_[0] }{rows} } }) for 1 .. 1 + rand 4;
        my $by_hand = rand() < 0.3;
        sql($of, $by_hand[rand @by_hand]) if $by_hand;
        load($of, $files, rand() < 0.7 ? keys %$files : grep {/^(?:price|stock)/} keys %$files);
        push @states, state_of($of);
        for my $from (@states[@states > 4 ? -4 : 0 .. -2], $states[0]) {
            my $told = told($of, $from, $states[-1]);
            my $missing = untold($from, $states[-1], $told);
            push @wrong, "round $round: not logged: $missing" if $missing;
            my $more = $from == $states[-2] && !$by_hand ? superfluous($from, $states[-1], $told) : '';
            push @wrong, "round $round: logged for nothing: $more" if $more;
            defined $told->{$_} ? $known++ : $unknown++ for keys %$told;
        }
    }
    is join("\n", @wrong), '', "seed $seed: each of $known answers of the log is right";
    cmp_ok $known, '>', 0, "... ($unknown times it could not tell)";
};

subtest 'imports: what is logged of which size' => sub {
    my $of = new_database('sizes');
    my $files = sample_files();
    load($of, $files, keys %$files);
    my @list = grep { $_->{PriceListCode} eq 'UKTRADE' } @{ $files->{prices}{rows} };
    my %of_list = map { $_->{SKU} => 1 } @list;
    my $skus = keys %of_list;
    my $change = sub {
        my ($n) = @_;
        my %those = map { $_ => 1 } (sort keys %of_list)[0 .. $n - 1];
        my $from = state_of($of);
        $_->{UnitPrice} += 1 for grep { $those{ $_->{SKU} } } @list;
        load($of, $files, 'prices');
        my $to = state_of($of);
        my $told = told($of, $from, $to)->{'prices UKTRADE'};
        return $told ? scalar keys %$told : 'a gap';
    };
    is $change->(3), 3, 'three SKUs';
    is_deeply [sql($of, "SELECT DISTINCT dataset, scope FROM change_log")], [['prices', 'UKTRADE']], '... of one list only';
    is $change->(int $skus / 5), int $skus / 5, "a fifth of $skus";
    is $change->(1 + int $skus / 5), 'a gap', '... and one more';
    is $change->(2), 2, 'afterwards it tells again';
    is one($of, 'SELECT COUNT(*) FROM revision WHERE changed_sku IS NOT NULL'), 0, 'nothing is left in the revisions';

    # The triggers' log is cut in passing, in the middle of an import, too.
    sql($of, "UPDATE revision SET n = (n DIV 8192 + 100000000) * 8192 - 2, log_cut = n, log_next = n WHERE dataset = 'prices' AND scope = 'UKTRADE'");
    my $from = state_of($of);
    is $change->(5), 5, 'across a number that 8,192 divides';
    is one($of, "SELECT COUNT(*) FROM change_log WHERE dataset = 'prices' AND scope = 'UKTRADE' AND n > 0"), 5, '... what was before is gone';
};

subtest 'bounded' => sub {
    my $of = new_database('bound');
    sql($of, "INSERT INTO price_list VALUES ('A', '', 'EUR'), ('B', '', 'EUR'); INSERT INTO price (price_list_code, sku) SELECT 'A', seq FROM seq_1_to_5000;"
            . " INSERT INTO price (price_list_code, sku) VALUES ('B', 'only')");
    my $rows = sub { return one($of, "SELECT COUNT(*) FROM change_log WHERE dataset = 'prices' AND scope = '$_[0]' AND n > 0") };
    my $most = 0;
    for my $i (1 .. 9) {
        # A clock that stands still: each number is the next one, and each 8,192nd cuts.
        sql($of, "SET TIMESTAMP = 1; UPDATE price SET unit_price = $i WHERE price_list_code = 'A'");
        $most = $rows->('A') if $rows->('A') > $most;
    }
    cmp_ok $most, '<=', 3 * 8192, "45,000 changes: never more than $most rows";
    cmp_ok $rows->('A'), '>=', 2 * 8192, '... the last two parts of 8,192 are there';
    is $rows->('B'), 1, '... and all of the other list';
    # Single changes: the numbers are the clock's, and one in 8,192 cuts. Here each does.
    for (1 .. 5) {
        sql($of, "UPDATE revision SET n = (n DIV 8192 + 1) * 8192 - 1 WHERE dataset = 'prices' AND scope = 'B'; SET TIMESTAMP = 1; UPDATE price SET"
                . " unit_price = unit_price + 1 WHERE price_list_code = 'B'");
    }
    cmp_ok $rows->('B'), '<=', 3, 'single changes are cut, too';

    # Who cuts locks nothing of others: neither the scope before nor the one after.
    sql($of, "INSERT INTO price_list VALUES ('C', '', 'EUR'); INSERT INTO price (price_list_code, sku) VALUES ('C', 'only')");
    my @others = map {"SET SESSION innodb_lock_wait_timeout = 1; UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = '$_' LIMIT 10"} qw(A C);
    my $holder = KissTest::Load->start(1, sub {
        return { done => eval { sql($of, "START TRANSACTION; UPDATE revision SET n = (n DIV 8192 + 1) * 8192 - 1 WHERE dataset = 'prices' AND scope = 'B';"
                    . " SET TIMESTAMP = 1; UPDATE price SET unit_price = unit_price + 1 WHERE price_list_code = 'B'; SELECT SLEEP(2); COMMIT"); 1 } };
    });
    sleep 0.7;
    for my $i (0, 1) {
        is eval { sql($of, $others[$i]); 'written' } // $@, 'written', 'while a transaction that has cut is open: the list ' . ($i ? 'behind' : 'before') . ' it';
    }
    $holder->finish;
};

subtest 'writers at the same time' => sub {
    my $of = new_database('writers');
    import_sample($of);
    my $snapshot = one($of, "SELECT COUNT(*) FROM information_schema.system_variables WHERE variable_name = 'INNODB_SNAPSHOT_ISOLATION'");
    my $from = state_of($of);
    my $set = $snapshot ? 'SET SESSION innodb_snapshot_isolation = ON; ' : '';
    my @load = map {
        my $t = $_;
        KissTest::Load->start(1, sub {
            my $n = $_[1];
            my $sql = $t eq 'stock' ? "UPDATE stock SET available_qty = $n ORDER BY stock_location, sku LIMIT 20"
                : $t eq 'price' ? "UPDATE price SET unit_price = $n ORDER BY price_list_code, sku, moq LIMIT 20" : "UPDATE product SET theme = 'theme $n' ORDER BY sku LIMIT 20";
            # One statement, and a transaction that begins by writing.
            my $begin = $n % 2 ? '' : 'START TRANSACTION; ';
            return { error => eval { sql($of, "$set$begin$sql; COMMIT"); '' } // $@ };
        })
    } qw(stock stock price price product product);
    sleep 2;
    my @done = map { $_->finish } @load;
    is join("\n", grep {length} map { $_->{error} } @done), '', scalar(@done) . ' statements of six writers' . ($set ? ', with innodb_snapshot_isolation' : '') . ': no error';
    my $to = state_of($of);
    my $told = told($of, $from, $to);
    is_deeply [grep { !defined $told->{$_} } keys %$told], [], '... the chain holds';
    is untold($from, $to, $told), '', '... and tells all';
};

done_testing;

# What an import says: files that are not complete or are no CSV at all, names that are almost right, sentences, floods of
# faults and notes, the report for programs, the progress line on a terminal, a server that logs statements.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use Fcntl qw(:DEFAULT);
use JSON::PP ();
use KissTest;
use KissTest::Database;
use KissTest::Import qw(folder import_into refused);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my %sample = (customer => top() . '/sql/sample', kss => top() . '/sql/sample-kss');
my %db = map { ($_ => new_database("report_$_", api => $_)) } qw(customer kss);
import_into($db{customer});
my %verb = (customer => ['import'], kss => ['kss', 'import']);

# load($api, $dir, @options): (exit, output, errors).
sub load { my ($api, @args) = @_; return kissctl({ timeout => 120 }, @{ $verb{$api} }, @args) }
sub text { my ($file, $api) = @_; return slurp($sample{ $api || 'customer' } . "/$file") }

# loaded($what, $dir, $says, @options): an import that succeeds, with this sentence or nothing else.
sub loaded {
    my ($what, $dir, $says, @options) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($rc, $out, $err) = load('customer', $dir, @options);
    is $rc, 0, "$what: loaded" or diag $err;
    ref $says ? like($err, $says, '... and the sentence') : is($err, $says, '... and nothing else said');
    return $err;
}

is +(load($_, $sample{$_}))[0], 0, "$_: loaded" for qw(customer kss);

subtest 'complete' => sub {
    my $stock = text('stock.csv');
    loaded('a line end at the end', folder('stock.csv' => $stock), '');
    loaded('none', folder('stock.csv' => $stock =~ s/\n\z//r), qr/^note: stock\.csv: the last line has no line end: was the file cut off\?$/m, '--dry-run');
    my ($rc, $out, $err) = load('kss', folder('states.csv' => text('states.csv', 'kss') =~ s/\n\z//r));
    like $err, qr/^note: states\.csv: the last line has no line end/m, 'the other API, too';

    my $cut = $stock =~ s/\d,[^,]*\n\z//r;
    refused('a last row that is cut off within a cell', folder('stock.csv' => $cut), qr/^stock\.csv:\d+: the last row ends early, as no other does, and its line has no end: the file was cut off/m);
    loaded('a last row that is short, its line ended', folder('stock.csv' => "$cut\n"), qr/1 row ends early/, '--dry-run');
    loaded('one without a line end among others that are short', folder('stock.csv' => $stock =~ s/,\n/\n/gr =~ s/\n\z//r), qr/rows end early/, '--dry-run');
    loaded('the only row', folder('stock.csv' => "SKU,StockLocation,AvailableQTY,NextAvailableETA\nDRAC001,UK01,1"), qr/1 row ends early/, '--dry-run', '--remove-up-to', 100);

    my $sum = sha256_hex($stock);
    for my $form ("$sum  stock.csv\n", "$sum *stock.csv\n", "$sum\n", uc($sum) . "  /srv/out/stock.csv\n", "SHA256 (stock.csv) = $sum\n",
        ('0' x 64) . "  prices.csv\n$sum  stock.csv\n") {
        loaded('its digest: ' . $form =~ s/[0-9a-f]{60}/.../gir =~ s/\n/ /gr, folder('stock.csv' => $stock, 'stock.csv.sha256' => $form), '');
    }
    refused('cut off, beside the digest of the whole', folder('stock.csv' => substr($stock, 0, -2), 'stock.csv.sha256' => "$sum  stock.csv\n"),
        qr/\Astock\.csv: is not what stock\.csv\.sha256 says: it was cut off or changed, or is not complete yet$/m);
    refused('the digest of another file', folder('stock.csv' => $stock, 'stock.csv.sha256' => "$sum  prices.csv\n"), qr/\Astock\.csv: stock\.csv\.sha256 has no digest for it$/m);
    refused('an empty digest', folder('stock.csv' => $stock, 'stock.csv.sha256' => ''), qr/\Astock\.csv: stock\.csv\.sha256 has no digest for it$/m);

    my $dir = folder('stock.csv' => $stock, 'customers.csv' => text('customers.csv'), 'stock.csv.done' => '', 'customers.csv.done' => '');
    my $at = sub { my ($name, $ago) = @_; utime time - $ago, time - $ago, "$dir/$name" };
    $at->("$_.csv", 100), $at->("$_.csv.done", 90) for qw(stock customers);
    loaded('markers behind their files', $dir, '');
    $at->('customers.csv', 50);
    refused('a file that is newer than its marker', $dir, qr/\Acustomers\.csv: is not complete yet: it is newer than customers\.csv\.done$/m);
    unlink "$dir/customers.csv.done";
    refused('a marker is missing', $dir, qr/\Acustomers\.csv: is not complete yet: it has no customers\.csv\.done, as others here do$/m);
};

subtest 'changed while it is read' => sub {
    my $dir = folder('products.csv' => text('products.csv'), 'stock.csv' => text('stock.csv'));
    # The session beside it keeps the import from its second file until the first one has grown.
    my $pid = open my $other, '|-', db_server()->client_command, $db{customer} or die "client: $!";
    select((select($other), $| = 1)[0]);
    print $other "LOCK TABLES stock WRITE;\n";
    my $held = sub { my ($what) = @_; return (sql($db{customer}, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND $what"))[0][0] };
    my $end = time + 20;
    sleep 0.05 until $held->("state LIKE '%table metadata lock%'") || time > $end
        || eval { sql($db{customer}, 'SET STATEMENT lock_wait_timeout = 0 FOR SELECT 1 FROM stock LIMIT 1'); 0 } || $@;
    my ($r) = parallel(2, sub {
        return [load('customer', $dir)] if !$_[0];
        my $wait = time + 20;
        sleep 0.02 until $held->("state LIKE '%table metadata lock%'") || time > $wait;
        open my $more, '>>', "$dir/products.csv" or die $!;
        print $more "\n";
        close $more;
        print $other "UNLOCK TABLES;\n";
        return 1;
    });
    close $other;
    is $r->[0], 1, 'exit status 1';
    like $r->[2], qr/^products\.csv: was changed while it was read: import again when it is complete$/m, '... and the sentence';
    unlike $r->[2], qr/^stock/m, 'the other file was not';
    loaded('again', $dir, qr/\A(?:note: \d+ of the prices .*\n)?\z/);
};

subtest 'no CSV at all' => sub {
    my $wide = sub { my ($low) = @_; return join '', map { $low ? "$_\0" : "\0$_" } split //, text('stock.csv') };
    for my $f (
        ['a web page', "<!DOCTYPE html>\n<html><body>Please log in</body></html>\n", qr/a web page \(HTML\), not CSV: is it an error or a login page/],
        ['a web page with a BOM and blanks', "\xef\xbb\xbf \n <html>", qr/a web page/],
        ['XML', qq(<?xml version="1.0"?>\n<rows/>\n), qr/an XML file, not CSV/],
        ['a workbook', "PK\x03\x04\x14\0\6\0", qr/an Excel workbook or a zip archive, not CSV: in Excel, save it as 'CSV UTF-8'/],
        ['an old workbook', "\xd0\xcf\x11\xe0\xa1\xb1", qr/an old Excel workbook/],
        ['UTF-16', "\xff\xfe" . $wide->(1), qr/UTF-16 .*save it as 'CSV UTF-8'/],
        ['UTF-16, the other way round', "\xfe\xff" . $wide->(0), qr/UTF-16/],
        ['UTF-16 without a mark', $wide->(1), qr/UTF-16/],
        ['JSON', qq({"error": "no such report"}\n), qr/JSON, not CSV/],
        ['a list in JSON', qq([\n {"SKU": "A"}]\n), qr/JSON, not CSV/],
        ['gzip', "\x1f\x8b\x08\0", qr/compressed \(gzip\): unpack it/],
        ['PDF', "%PDF-1.7\n", qr/a PDF document/],
        ) {
        my ($what, $bytes, $says) = @$f;
        my $err = refused($what, folder('stock.csv' => $bytes, 'warehouses.csv' => text('warehouses.csv')), qr/\Astock\.csv: is $says/);
        is scalar(() = $err =~ /^stock\.csv/mg), 1, '... the only one about the file';
        like $err, qr/^kissctl: 1 error: /m, '... and the only one';
    }
    refused('nothing', folder('stock.csv' => ''), qr/\Astock\.csv: is empty: a header row is expected$/m);
    my $dir = folder('warehouses.csv' => text('warehouses.csv'));
    mkdir "$dir/stock.csv";
    refused('a folder', $dir, qr/\Astock\.csv: is not a regular file$/m);
    loaded('a header that begins with a bracket', folder('warehouses.csv' => "[Note],StockLocation,Name\nx,UK01,a\nx,NL01,b\n"), qr/column '\[Note\]' is not known/);
};

subtest 'names that are almost right' => sub {
    my ($stock, $warehouses) = map { text("$_.csv") } qw(stock warehouses);
    my $dir = folder('Stock.CSV' => $stock =~ s/^([^,]+,UK01,)\d+/${1}4242/mr, 'warehouses.csv' => $warehouses);
    loaded('another case', $dir, qr/^note: Stock\.CSV is taken for stock\.csv$/m);
    is +(sql($db{customer}, 'SELECT COUNT(*) FROM stock WHERE available_qty = 4242'))[0][0], 1, '... and read';
    spew("$dir/stock.csv", $stock);
    refused('both of them', $dir, qr/\Astock\.csv: the folder has 'Stock\.CSV', too: leave one of them there$/m);
    for my $f (['stock.csv.txt', qr/rename it/], ['stock.txt', qr/rename it/], ['Stock.csv.csv', qr/rename it/], ['stock.xlsx', qr/save it as 'CSV UTF-8'/],
        ['stock.csv.gz', qr/unpack it/], ['stock.csv.filepart', qr/its transfer has not ended/]) {
        my ($name, $says) = @$f;
        refused($name, folder($name => $stock, 'warehouses.csv' => $warehouses), qr/\Astock\.csv: the folder has '\Q$name\E' instead: $says/);
        refused("$name alone", folder($name => $stock), qr/\Astock\.csv: the folder has '\Q$name\E' instead: $says/);
        loaded("$name beside stock.csv", folder($name => $stock, 'stock.csv' => $stock), qr/^note: \Q$name\E is not read, for stock\.csv is there$/m);
    }
    loaded('what is none of it', folder('stock.csv' => $stock, 'notes.csv' => '', 'stock.csv.bak' => '', 'README' => ''), qr/\Anote: notes\.csv is not part of the import: skipped\n\z/);
};

subtest 'sentences' => sub {
    my $stock = "SKU,StockLocation,AvailableQTY,NextAvailableETA\n";
    my @more = ('--dry-run', '--remove-up-to', 100);
    loaded('one SKU that is unknown', folder('stock.csv' => "${stock}NONE1,UK01,1,\n"),
        qr/^note: stock\.csv: 1 row names a SKU that the database does not have: kept, not served until it does$/m, @more);
    loaded('rows of the table', folder('products.csv' => text('products.csv')),
        qr/^note: \d+ of the prices of the database name a SKU that products\.csv does not have: kept/m, '--dry-run');
    loaded('two', folder('stock.csv' => "${stock}NONE1,UK01,1,\nNONE2,UK01,1,\n"), qr/^note: stock\.csv: 2 rows name a SKU that /m, @more);
    my ($rc, $out, $err) = load('kss', folder('customers.csv' => "CustomerID,CustomerName\n101,x\n"), '--remove-up-to', 100);
    like $err, qr/^customers\.csv: lacks \d+ CustomerIDs that the AR accounts of the database still use \(.*\): put them back, or add ar_accounts\.csv without them$/m,
        'files without articles';
    ($rc, $out, $err) = load('kss', folder('products.csv' => text('products.csv', 'kss') =~ s/KSSLiveCategoryID/ProductCategory/r =~ s/^(5001,(?:[^,]*,)*?)1,/$1Fresh,/mr), '--dry-run');
    unlike $err, qr/\b1 names|\b1 rows|a [aeiou]/, 'no wrong plurals';
    # What is wrong with a file comes before what is wrong with lines, whichever file it is.
    $err = refused('a page in the last file, cells in the first', folder('price_lists.csv' => text('price_lists.csv') =~ s/GBP/Pounds/r, 'customers.csv' => '<html>'),
        qr/\Acustomers\.csv: is a web page.*\nprice_lists\.csv:\d+: column /);
};

subtest 'floods' => sub {
    my $stock = "SKU,StockLocation,AvailableQTY,NextAvailableETA\n";
    my $err = refused('40,000 bad cells of one column and two of another', folder('stock.csv' => $stock
            . join('', map {"S$_,UK01,x,\n"} 1 .. 40_000) . "A,UK01,1,never\nB,UK01,1,never\n"), qr/\Astock\.csv:2: column AvailableQTY: /, '--remove-up-to', 100);
    is scalar(() = $err =~ /^stock\.csv:/mg), 100, '100 lines';
    is scalar(() = $err =~ /column NextAvailableETA/g), 2, '... with the two that are rare';
    like $err, qr/^\.\.\. and 39902 more:\n    40000 in column AvailableQTY of stock\.csv\n(?!    )/m, 'the rest is counted, by column';
    like $err, qr/^kissctl: 40002 errors: nothing was changed/m, 'all of them';
    $err = refused('as many duplicates', folder('stock.csv' => $stock . "DRAC001,UK01,1,\n" x 40_001), qr/\Astock\.csv:3: column SKU, StockLocation: /, '--remove-up-to', 100);
    is scalar(() = $err =~ /^stock\.csv:/mg), 100, '100 lines';
    my @head = map {"Extra$_"} 1 .. 40_000;
    $err = loaded('40,000 columns that are unknown', folder('warehouses.csv' => join(',', 'StockLocation,Name', @head) . "\n"
            . join('', map { join(',', $_, 'x', ('') x @head) . "\n" } qw(UK01 NL01))), qr/^note: warehouses\.csv: columns 'Extra1', .* and 39992 more are not known: skipped$/m, '--dry-run');
    is scalar(() = $err =~ /^note:/mg), 1, 'one note for all of them';
};

# json($api, @args): (exit, the report, errors).
sub json {
    my ($api, @args) = @_;
    my ($rc, $out, $err) = load($api, '--json', @args);
    return ($rc, JSON::PP->new->utf8->decode($out), $err);
}

subtest 'for programs' => sub {
    my @keys = sort qw(Result DryRun Seconds Error Files Revisions Refused Faults FaultsInAll Notes NotesInAll);
    for my $api (qw(customer kss)) {
        my ($file, $table, $what) = $api eq 'kss' ? qw(inventory.csv inventory) : qw(stock.csv stock);
        $what = $api eq 'kss' ? 'inventory rows' : 'stock rows';
        my ($rc, $o, $err) = json($api, folder($file => text($file, $api)));
        my $rows = () = text($file, $api) =~ /\n/g;
        is $rc, 0, "$api: loaded";
        is_deeply [sort keys %$o], \@keys, 'its members';
        is_deeply [@$o{qw(Result DryRun Error FaultsInAll NotesInAll)}], ['loaded', JSON::PP::false, undef, 0, 0], 'what happened';
        is_deeply $o->{Files}, [{ File => $file, Table => $table, Rows => $rows - 1, Before => $rows - 1, Added => 0, Changed => 0, Removed => 0 }], 'the file';
        ($rc, $o) = json($api, '--dry-run', folder($file => text($file, $api)));
        is $o->{Result}, 'tried', 'a dry run';

        my ($head) = text($file, $api) =~ /\A([^\n]*\n)/;
        ($rc, $o, $err) = json($api, folder($file => $head));
        is $rc, 1, 'a loss: exit status 1';
        is_deeply [sort keys %$o], \@keys, '... the same members';
        is $o->{Result}, 'refused', '... what happened';
        is_deeply $o->{Refused}, [{ File => $file, Table => $table, What => $what, Before => $rows - 1, Lost => $rows - 1, After => 0, RemoveUpTo => 100 }], '... what is refused';
        is_deeply [map { [@$_{qw(File Line Column)}] } @{ $o->{Faults} }], [[$file, undef, undef]], '... also among the faults';
        is_deeply $o->{Revisions}, [], '... no revision';
        like $err, qr/^\Q$file\E: would remove all/m, '... and for people on standard error';

        ($rc, $o) = json($api, "$sample{$api}/none");
        is_deeply [$rc, $o->{Result}], [1, 'failed'], 'no folder';
        like $o->{Error}, qr/\Acannot read the folder /, '... and why';
    }
    my ($rc, $o) = json('customer', folder('stock.csv' => "SKU,StockLocation,AvailableQTY,NextAvailableETA\nDRAC001,UK01,x,\nDRAC001,XX,1,\n", "o\xff.csv" => ''), '--remove-up-to', 100);
    is_deeply $o->{Faults}[0], { File => 'stock.csv', Line => 2, Column => 'AvailableQTY', Reason => "'x' is not a number like 1234.56" }, 'a cell';
    is_deeply [@{ $o->{Faults}[1] }{qw(Line Column)}], [3, 'StockLocation'], 'a reference';
    is $o->{FaultsInAll}, 2, 'both are counted';
    like $o->{Notes}[0], qr/^o\?\.csv is not part of the import/, 'a name that is not UTF-8';
    my $dir = tempdir_here();
    spew("$dir/none.cnf", "[kissctl]\nsocket=$dir/none.sock\nuser=x\ndatabase=x\n", 0600);
    my ($status, $out) = kissctl({ defaults => "$dir/none.cnf" }, 'import', '--json', $sample{customer});
    is $status, 1, 'no database: exit status 1';
    $o = JSON::PP->new->utf8->decode($out);
    is_deeply [sort keys %$o], \@keys, '... the same members';
    like $o->{Error}, qr/\Acannot connect \(group \[kissctl\]/, '... and why';
};

# on_terminal($columns, $sub, @command): runs it with standard error on a terminal of so many columns; calls $sub while it
# runs. Returns exit status, standard output, and [seconds, bytes] of what came. (Numbers of ioctl: Linux.)
sub on_terminal {
    my ($columns, $sub, $env, @command) = @_;
    my ($unlock, $number, $size) = (0x40045431, 0x80045430, 0x5414);
    sysopen my $master, '/dev/ptmx', O_RDWR | O_NOCTTY or die "ptmx: $!";
    my $n = my $off = pack 'i', 0;
    ioctl $master, $unlock, $off or die "unlock: $!";
    ioctl $master, $number, $n or die "number: $!";
    sysopen my $slave, '/dev/pts/' . unpack('i', $n), O_RDWR | O_NOCTTY or die "terminal: $!";
    my $rows = pack 'S4', 24, $columns, 0, 0;
    ioctl $slave, $size, $rows or die "size: $!";
    my $dir = tempdir_here();
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        POSIX::setsid();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/out";
        open STDERR, '>&', $slave;
        @ENV{ keys %$env } = values %$env;
        exec @command or POSIX::_exit(127);
    }
    close $slave;
    my ($began, @seen) = (time);
    while (1) {
        my $in = '';
        vec($in, fileno $master, 1) = 1;
        if (select $in, undef, undef, 0.05) {
            last unless sysread $master, my $bytes, 65536;
            push @seen, [time - $began, $bytes];
        }
        $sub->(time - $began, $pid) if $sub;
        last if time - $began > 120;
    }
    waitpid $pid, 0;
    return ($? >> 8, slurp("$dir/out"), @seen);
}

# frames(@seen): the lines that were drawn one over the other, and all that was written.
sub frames {
    my $all = join '', map { $_->[1] } @_;
    my (undef, @lines) = split /\r\e\[K/, $all, -1;
    return ($all, grep { length && !/^note: / } map { (split /\r?\n/, $_, 2)[0] // '' } @lines);
}

subtest 'progress' => sub {
    my %env = (KISSCTL_DEFAULTS => db_server()->defaults($db{customer}), TERM => 'xterm');
    my @kissctl = (build_dir() . '/support/kissctl', '--sql', top() . '/sql', 'import', '--dry-run');
    my $prices = text('prices.csv') . join '', map {"UKTRADE,Z$_,1.5,0,1,1\n"} 1 .. 150_000;
    my $images = text('product_images.csv') . join '', map { my $i = $_; join ',', 'DRAC001', "z$i", "$i.jpg", "0\n" } 1 .. 100_000;
    my $dir = folder((map { ("$_.csv" => text("$_.csv")) } qw(products stock)), 'prices.csv' => $prices, 'product_images.csv' => $images);
    for my $columns (46, 80, 200) {
        my ($rc, $out, @seen) = on_terminal($columns, undef, \%env, @kissctl, $dir);
        is $rc, 0, "$columns columns: done";
        my ($all, @frames) = frames(@seen);
        cmp_ok scalar @frames, '>=', 2, scalar(@frames) . ' lines drawn';
        cmp_ok scalar @frames, '<=', 5 * $seen[-1][0] + 2, '... a few a second';
        is scalar(grep { length > $columns - 1 } @frames), 0, '... never wider than the terminal' or diag explain \@frames;
        my @percent = map {/^\s*(\d+) %/} @frames;
        is scalar @percent, scalar @frames, '... each with a percentage';
        is "@percent", join(' ', sort { $a <=> $b } @percent), '... which never goes back';
        like $all, qr/rows\/s/, '... rows a second, too' if $columns > 46;
        like $all, qr/\[#+ *\]/, '... and a bar' if $columns > 46;
        unlike $all =~ s/^note: .*\r?\n//mgr =~ s/\r\e\[Knote: .*\r?\n//r, qr/\n/, '... all in one line';
        like $out, qr/nothing was kept/, 'the summary is on standard output';
    }
    # A statement that takes long: the seconds go on.
    my $pid = open my $other, '|-', db_server()->client_command, $db{customer} or die "client: $!";
    select((select($other), $| = 1)[0]);
    print $other "BEGIN; SELECT n FROM revision FOR UPDATE;\n";
    sleep 0.5;
    my $freed;
    my ($rc, $out, @seen) = on_terminal(80, sub { print $other "ROLLBACK;\n" and $freed = 1 if $_[0] > 3.5 && !$freed }, \%env,
        @kissctl, folder('stock.csv' => text('stock.csv')));
    close $other;
    is $rc, 0, 'held up for three seconds: done';
    my (undef, @frames) = frames(@seen);
    my %seconds = map {/waiting for other writers, (\d+) s/ ? ($1 => 1) : ()} @frames;
    cmp_ok scalar keys %seconds, '>=', 3, 'a line a second at least' or diag explain \@frames;

    # Ctrl-C in such a statement.
    $pid = open $other, '|-', db_server()->client_command, $db{customer} or die "client: $!";
    select((select($other), $| = 1)[0]);
    print $other "BEGIN; SELECT n FROM revision FOR UPDATE;\n";
    sleep 0.5;
    my $told;
    ($rc, $out, @seen) = on_terminal(80, sub { kill 'INT', $_[1] and $told = time if $_[0] > 1 && !$told }, \%env,
        @kissctl, '--json', folder('stock.csv' => text('stock.csv')));
    cmp_ok time - $told, '<', 5, 'Ctrl-C ends it at once';
    close $other;
    is $rc, 1, '... exit status 1';
    is((JSON::PP->new->utf8->decode($out))->{Result}, 'stopped', '... and the report says so');
    like +(frames(@seen))[0], qr/(?:\r\e\[K|\n)kissctl: stopped: nothing was changed\r?\n\z/, '... as does the last line';

    # A message in between stands in a line of its own.
    ($rc, $out, @seen) = on_terminal(80, undef, \%env, @kissctl, folder('stock.csv' => text('stock.csv') . join '', map {"S$_,UK01,x,\n"} 1 .. 30_000));
    is $rc, 1, 'faults';
    like +(frames(@seen))[0], qr/(?:\r\e\[K|\A|\n)stock\.csv:\d+: column/, 'the first fault begins its line';
    # Not on a terminal that cannot, and not in a pipe.
    ($rc, $out, @seen) = on_terminal(80, undef, { %env, TERM => 'dumb' }, @kissctl, $dir);
    unlike join('', map { $_->[1] } @seen), qr/%|\e/, 'nothing on a dumb terminal';
    is +(load('customer', '--dry-run', $dir))[2] =~ s/^note: .*\n//mgr, '', 'nothing in a pipe';
};

subtest 'a server that logs statements' => sub {
    my $server = KissTest::Database->start(args => ['--log-bin', '--server-id=1', '--binlog-format=STATEMENT']);
    my $name = new_database('logged', server => $server);
    my $root = "$server->{dir}/$name.root.cnf";
    my ($rc, $out, $err) = kissctl({ defaults => $server->defaults($name) }, 'import', '/nonexistent');
    is $rc, 1, 'an account that may not choose: exit status 1';
    like $err, qr/binlog_format=STATEMENT.*set binlog_format=MIXED or ROW there, or .*GRANT BINLOG ADMIN/, '... what to set';
    unlike $err, qr/nonexistent/, '... before anything is read';
    ($rc, $out, $err) = kissctl({ defaults => $root }, 'import', $sample{customer});
    is $rc, 0, 'one that may: loaded' or diag $err;
    $server->sql(undef, q{GRANT BINLOG ADMIN ON *.* TO 'kiss_admin'@'localhost'});
    ($rc, $out, $err) = kissctl({ defaults => $server->defaults($name) }, 'import', '--remove-up-to', 100, $sample{customer});
    is $rc, 0, 'with that right: loaded' or diag $err;
    is +(sql($name, 'SELECT COUNT(*) FROM price'))[0][0], 564, '... whole';
    drop_database($name);
};

done_testing;

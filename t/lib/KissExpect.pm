# SPDX-License-Identifier: Apache-2.0
package KissExpect;

# What the Customer API must answer, computed from a directory of CSV files, or from such rows, alone: nothing here knows the
# module, its SQL or its tables. Text is bytes, numbers are decimal text, and the answer is JSON text in the contract's order of
# members, so that what is compared is every digit that the client sees.
#
#     my $expect = KissExpect->new($dir);
#     my ($same, $where) = same_json($response->{content}, $expect->prices('ACME01'));

use strict;
use warnings;
use Exporter 'import';
use Math::BigInt;
use KissTest::CSV qw(csv_rows);

our @EXPORT = qw(same_json canonical_json expected_products expected_stock expected_prices);

my @TEXT_1 = qw(SKU Name Description WebsiteDescription ProductCategoryCode WashingInstructions Gender Audience
    MainColour Barcode Photo Theme);
my @SIZES = qw(PackagedLength_in_cm PackagedWidth_in_cm PackagedHeight_in_cm PackagedWeight_in_g CartonLength_in_cm
    CartonWidth_in_cm CartonHeight_in_cm CartonWeight_in_g);
my @TEXT_2 = qw(AmazonASIN CountryOfOrigin Status StyleCode CartonBarcode HSCode WhatsIncluded ProductCompositionText);

my %loaded;

# expected_products($dir, $customer), expected_stock, expected_prices: JSON text; a directory is read once.
sub expected_products { my ($dir, $customer) = @_; return _of($dir)->products($customer) }
sub expected_stock    { my ($dir, $customer) = @_; return _of($dir)->stock($customer) }
sub expected_prices   { my ($dir, $customer) = @_; return _of($dir)->prices($customer) }

sub _of { my ($dir) = @_; return $loaded{$dir} ||= KissExpect->new($dir) }

# new($dir): of the files there. new(\%rows): of rows as csv_rows() returns them, by the name of their file without its suffix.
sub new {
    my ($class, $from) = @_;
    my $self = bless { dir => $from, net => {} }, $class;
    $self->_read_products;
    $self->_read_prices;
    for my $r (@{ $self->_rows('stock') }) {
        next unless exists $self->{product}{ $r->{SKU} };
        $self->{stock}{ $r->{StockLocation} }{ $r->{SKU} } = _row(
            _text($r, 'SKU', 'StockLocation'),
            AvailableQTY     => _plain($r->{AvailableQTY}),
            NextAvailableETA => $r->{NextAvailableETA} eq '' ? 'null' : _string($r->{NextAvailableETA})
        );
    }
    $self->{customer} = { map { $_->{CustomerCode} => $_ } @{ $self->_rows('customers') } };
    return $self;
}

sub _rows {
    my ($self, $name) = @_;
    return ref $self->{dir} ? $self->{dir}{$name} || [] : csv_rows("$self->{dir}/$name.csv");
}

# {product}{SKU}: the row's JSON text up to the prices, for products that are not obsolete.
sub _read_products {
    my ($self) = @_;
    my (%images, %accessories, %substitutions, %composition);
    my @images = @{ $self->_rows('product_images') };
    $_->{IsPrimaryImage} = _truth($_->{IsPrimaryImage}) for @images;
    for my $r (sort { $b->{IsPrimaryImage} <=> $a->{IsPrimaryImage} || $a->{ImageID} cmp $b->{ImageID} } @images) {
        push @{ $images{ $r->{SKU} } },
            _row(_text($r, 'ImageID', 'FileName'), IsPrimaryImage => $r->{IsPrimaryImage} ? 'true' : 'false');
    }
    for my $r (sort { $a->{AccessorySKU} cmp $b->{AccessorySKU} } @{ $self->_rows('product_accessories') }) {
        push @{ $accessories{ $r->{SKU} } }, _row(_text($r, 'AccessorySKU'));
    }
    for my $r (sort { $a->{SubstituteSKU} cmp $b->{SubstituteSKU} } @{ $self->_rows('product_substitutions') }) {
        push @{ $substitutions{ $r->{SKU} } }, _row(_text($r, 'SubstituteSKU'));
    }
    for my $r (sort { $a->{MaterialCode} cmp $b->{MaterialCode} } @{ $self->_rows('product_composition') }) {
        push @{ $composition{ $r->{SKU} } },
            _row(_text($r, 'MaterialCode', 'MaterialDescription'),
                CompositionPercentage => _plain($r->{CompositionPercentage}));
    }
    for my $r (@{ $self->_rows('products') }) {
        next if lc $r->{Status} eq 'obsolete';
        my $row = _row(
            _text($r, @TEXT_1),
            (map { $_ => _fixed($r->{$_}, 2) } @SIZES),
            CartonQty => _plain($r->{CartonQty}),
            _text($r, @TEXT_2),
            ProductImages        => _array($images{ $r->{SKU} }),
            ProductAccessories   => _array($accessories{ $r->{SKU} }),
            ProductSubstitutions => _array($substitutions{ $r->{SKU} }),
            ProductComposition   => _array($composition{ $r->{SKU} })
        );
        chop $row;
        $self->{product}{ $r->{SKU} } = "$row,\"ProductPrices\":";
    }
    return;
}

# {list}{code}: the price list, {rows}{SKU} its prices by MOQ, {skus} what it prices, in order.
sub _read_prices {
    my ($self) = @_;
    $self->{list} = { map { $_->{PriceListCode} => { %$_, rows => {} } } @{ $self->_rows('price_lists') } };
    for my $r (@{ $self->_rows('prices') }) {
        # A price for an unknown or obsolete product is no price of anything.
        next unless exists $self->{product}{ $r->{SKU} };
        push @{ $self->{list}{ $r->{PriceListCode} }{rows}{ $r->{SKU} } }, {
            unit     => _fixed($r->{UnitPrice}, 4),
            eligible => _truth($r->{DiscountEligible}),
            moq      => _plain($r->{MOQ}),
            tail     => ',"MOQ":' . _plain($r->{MOQ}) . ',"OrderMultiple":' . _plain($r->{OrderMultiple}) . '}'
        };
    }
    for my $list (values %{ $self->{list} }) {
        @$_ = sort { $a->{moq} <=> $b->{moq} } @$_ for values %{ $list->{rows} };
        $list->{skus} = [sort keys %{ $list->{rows} }];
        $list->{head} = _row(_text($list, qw(PriceListCode PriceListName CurrencyCode)));
        chop $list->{head};
    }
    return;
}

# customers(): their codes.
sub customers { my ($self) = @_; return sort keys %{ $self->{customer} } }

# skus($customer): what the customer may see, in order.
sub skus { my ($self, $customer) = @_; my $list = $self->_list($customer); return $list ? @{ $list->{skus} } : () }

sub products {
    my ($self, $customer) = @_;
    my $list = $self->_list($customer) or return '[]';
    return _array([
        map { $self->{product}{$_} . _array([$self->_price_rows($customer, $list, $_)]) . '}' } @{ $list->{skus} }
    ]);
}

sub prices {
    my ($self, $customer) = @_;
    my $list = $self->_list($customer) or return '[]';
    return _array([map { $self->_price_rows($customer, $list, $_) } @{ $list->{skus} }]);
}

sub stock {
    my ($self, $customer) = @_;
    my $list = $self->_list($customer) or return '[]';
    my $stock = $self->{stock}{ $self->{customer}{$customer}{StockLocation} } || {};
    return _array([grep { defined } @$stock{ @{ $list->{skus} } }]);
}

sub _list {
    my ($self, $customer) = @_;
    my $c = $self->{customer}{$customer} or die "no customer $customer in $self->{dir}";
    return $self->{list}{ $c->{PriceListCode} };
}

sub _price_rows {
    my ($self, $customer, $list, $sku) = @_;
    my $discount = $self->{customer}{$customer}{DiscountPercent};
    my $known = $self->{net}{$discount} ||= {};
    my $head = $list->{head} . ',"SKU":' . _string($sku) . ',"PriceExclVAT":';
    return map {
        my $unit = $_->{unit};
        $head . ($_->{eligible} ? $known->{$unit} ||= net_price($unit, $discount) : $unit) . $_->{tail}
    } @{ $list->{rows}{$sku} };
}

# ---- JSON text from values: _row(name => text, ...), _array([text, ...]), _text($row, columns) for _row

sub _row {
    my $text = '';
    while (@_) {
        $text .= ($text eq '' ? '{"' : ',"') . shift() . '":';
        $text .= shift;
    }
    return "$text}";
}

sub _array { my ($rows) = @_; return '[' . join(',', @{ $rows || [] }) . ']' }
sub _text  { my ($r, @columns) = @_; return map { $_ => _string($r->{$_}) } @columns }
sub _truth { my ($text) = @_; return $text =~ /^(?:1|true|yes|y)$/i ? 1 : 0 }

# net_price($price, $percent): price * (1 - percent / 100), half away from zero at 4 decimals, as text. Whole numbers of
# any length.
sub net_price {
    my ($price, $percent) = @_;
    my $sign = $price =~ /^-/ ? '-' : '';
    my ($p, $d) = map { my $t = _fixed($_, 4); $t =~ tr/-.//d; $t } $price, $percent;
    my $product = Math::BigInt->new($p)->bmul(Math::BigInt->new(1_000_000)->bsub($d))->badd(500_000)->bdiv(1_000_000);
    my $text = sprintf '%05s', "$product";
    $text =~ s/^ +/0 x length $&/e;
    $text =~ s/(\d{4})$/.$1/;
    return $text eq '0.0000' ? $text : $sign . $text;
}

# _fixed($text, $scale): with exactly that many decimals; empty is 0. Dies where digits would be lost.
sub _fixed {
    my ($text, $scale) = @_;
    my ($sign, $whole, $part) = _digits($text);
    die "$text has more than $scale decimals" if length $part > $scale;
    return "$sign$whole." . $part . '0' x ($scale - length $part);
}

# _plain($text): without needless zeros.
sub _plain {
    my ($sign, $whole, $part) = _digits(@_);
    return $part eq '' ? "$sign$whole" : "$sign$whole.$part";
}

# Sign, whole part without leading zeros, decimals without trailing ones.
sub _digits {
    my ($text) = @_;
    return ('', '0', '') unless defined $text && $text ne '';
    my ($sign, $whole, $part) = $text =~ /^([-+]?)0*(\d*?)(?:\.(\d*?)0*)?$/ or die "not a number: $text";
    return ($sign eq '-' ? '-' : '', $whole eq '' ? '0' : $whole, defined $part ? $part : '');
}

my %ESCAPE = ("\b" => '\b', "\f" => '\f', "\n" => '\n', "\r" => '\r', "\t" => '\t', '"' => '\"', '\\' => '\\\\');

sub _string {
    my ($text) = @_;
    return '""' unless defined $text;
    $text =~ s/([\x00-\x1f"\\])/$ESCAPE{$1} || sprintf '\u%04x', ord $1/ge if $text =~ /[\x00-\x1f"\\]/;
    return "\"$text\"";
}

# ---- comparing

# canonical_json($text): the same text without white space between tokens and with each string written as _string writes
# it. Numbers keep their digits, members their order.
sub canonical_json {
    my ($text) = @_;
    $text =~ s/("(?:[^"\\]++|\\.)*+")|[ \t\r\n]+/defined $1 ? (index($1, '\\') < 0 ? $1 : _rewrite($1)) : ''/gse;
    return $text;
}

my %PLAIN = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");

sub _rewrite {
    my ($string) = @_;
    my $t = substr $string, 1, -1;
    $t =~ s/\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)|\\u(....)|\\(.)/_character($1, $2, $3, $4)/gse;
    return _string($t);
}

sub _character {
    my ($high, $low, $unit, $letter) = @_;
    return exists $PLAIN{$letter} ? $PLAIN{$letter} : $letter if defined $letter;
    my $c = chr(defined $high ? 0x10000 + ((hex($high) & 0x3ff) << 10) + (hex($low) & 0x3ff) : hex $unit);
    utf8::encode($c);
    return $c;
}

# same_json($got, $expected): (true) or (false, where they part).
sub same_json {
    my ($got, $expected) = @_;
    return 1 if $got eq $expected;
    my $g = canonical_json($got);
    return 1 if $g eq $expected;
    my ($at, $step) = (0, 1 << 20);
    while ($step) {
        my $inside = $at + $step <= length $g && $at + $step <= length $expected;
        if ($inside && substr($g, $at, $step) eq substr($expected, $at, $step)) {
            $at += $step;
        }
        else {
            $step >>= 1;
        }
    }
    my $from = $at > 120 ? $at - 120 : 0;
    return (0, sprintf "differs at byte %d of %d (expected %d)\n     got: %s\nexpected: %s",
        $at, length $g, length $expected, substr($g, $from, 240), substr($expected, $from, 240));
}

1;

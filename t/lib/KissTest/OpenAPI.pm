# SPDX-License-Identifier: Apache-2.0
package KissTest::OpenAPI;

# Answers against the OpenAPI document of their API. The test client hands each JSON answer to check(); what is of a path of the
# document must be what the document says, else the test dies. Of a long list the first row, the last one and some between are
# looked at, of equal answers one.

use strict;
use warnings;
use Digest::MD5 qw(md5);
use Exporter 'import';
use JSON::PP ();
use KissTest::JSON;

our @EXPORT_OK = qw(document operations operation_of resolve schema_deviation answer_deviation check checked remember_key);

my (%document, %role, %seen, %checked, %path);

# Texts longer than this are sampled.
my $WHOLE = 4_000;

# document($api, $role): the document as `t/tools/openapi` prints it: what the server sends, but for its own URL.
sub document {
    my ($api, $role) = @_;
    return $document{"$api $role"} ||= do {
        require KissTest;
        my $tool = KissTest::build_dir() . '/t/tools/openapi';
        die "$tool is missing: make check-programs\n" if !-x $tool;
        my ($rc, $text, $err) = KissTest::run({}, $tool, $api, $role);
        die "t/tools/openapi ended with $rc: $err" if $rc;
        JSON::PP->new->utf8->decode($text);
    };
}

# remember_key($key, $role): the type of an API key, so that check() knows what its answers must have.
sub remember_key { my ($key, $role) = @_; $role{$key} = $role; return }

# resolve($document, $node): what a reference refers to.
sub resolve {
    my ($document, $node) = @_;
    while (ref $node eq 'HASH' && exists $node->{'$ref'}) {
        my $at = $document;
        for my $step (split m{/}, $node->{'$ref'} =~ s{^#/}{}r) {
            $at = $at->{ $step =~ s{~1}{/}gr =~ s{~0}{~}gr } // die "$node->{'$ref'} leads nowhere\n";
        }
        $node = $at;
    }
    return $node;
}

# operations($document): [method, path, operation] of each, sorted.
sub operations {
    my ($document) = @_;
    return map { my $path = $_; map { [uc, $path, $document->{paths}{$path}{$_}] } sort keys %{ $document->{paths}{$path} } }
        sort keys %{ $document->{paths} };
}

# operation_of($document, $method, $path): the operation of a request's path, and the path in the document; or nothing.
sub operation_of {
    my ($document, $method, $path) = @_;
    my $paths = $document->{paths};
    my $of = $path{$document} ||= [map { my $t = $_; [$t, join '[^/]+', map {quotemeta} split /\{\w+\}/, $t, -1] } grep {/\{/} sort keys %$paths];
    my ($found) = $paths->{$path} ? $path : map { $_->[0] } grep { $path =~ /\A$_->[1]\z/ } @$of;
    my $operation = defined $found && $paths->{$found}{ lc $method };
    return $operation ? ($operation, $found) : ();
}

# ---- JSON Schema, as far as documents use it

my $UP_TO_23 = qr/(?:[01]\d|2[0-3])/;
my $DAY = qr/\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])/;
my %FORMAT = (date => qr/\A$DAY\z/, 'date-time' => qr/\A${DAY}T$UP_TO_23:[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[-+]$UP_TO_23:[0-5]\d)\z/);

# What has no part in what a value must be.
my %SILENT = map { $_ => 1 } qw(description default);

my %KEYWORD = (
    type => sub {
        my ($v, $types) = @_;
        my $is = $v->[0] eq 'number' && $v->[1] =~ /\A-?\d+\z/ ? 'integer' : $v->[0];
        return (grep { $_ eq $is || $_ eq $v->[0] } ref $types ? @$types : $types) ? '' : "is $v->[0]";
    },
    enum => sub {
        my ($v, $values) = @_;
        return (grep { defined && $_ eq ($v->[1] // '') } @$values) ? '' : "is '" . ($v->[1] // 'null') . "'";
    },
    pattern => sub {
        my ($v, $pattern) = @_;
        return $v->[0] ne 'string' || $v->[1] =~ /$pattern/ ? '' : "is '$v->[1]', not like $pattern";
    },
    format => sub {
        my ($v, $format) = @_;
        my $form = $FORMAT{$format} or die "no format $format";
        return $v->[0] ne 'string' || $v->[1] =~ $form ? '' : "is '$v->[1]', no $format";
    },
    maxLength => sub {
        my ($v, $most) = @_;
        my $text = $v->[1] // '';
        utf8::decode($text);
        return $v->[0] ne 'string' || length $text <= $most ? '' : 'is longer than ' . $most;
    },
    minimum => sub { my ($v, $least) = @_; return $v->[0] ne 'number' || $v->[1] >= $least ? '' : "is $v->[1]" },
    required => sub {
        my ($v, $names) = @_;
        return '' if $v->[0] ne 'object';
        my %has = map { $_->[0] => 1 } @$v[1 .. $#$v];
        return join ' ', map {"has no $_"} grep { !$has{$_} } @$names;
    },
    items => sub {
        my ($v, $schema, $document) = @_;
        return '' if $v->[0] ne 'array';
        for my $i (1 .. $#$v) {
            my $why = schema_deviation($v->[$i], $schema, $document);
            return sprintf '[%d] %s', $i - 1, $why if $why;
        }
        return '';
    },
    properties => sub {
        my ($v, $properties, $document, $schema) = @_;
        return '' if $v->[0] ne 'object';
        my %twice;
        for my $member (@$v[1 .. $#$v]) {
            my ($name, $value) = @$member;
            return "has $name twice" if $twice{$name}++;
            # A client must take what it does not know; here nothing may be undocumented.
            my $known = $properties->{$name} or return "has a member $name, which is not in the document";
            my $why = schema_deviation($value, $known, $document);
            return "$name $why" if $why;
        }
        return '';
    },
    additionalProperties => sub {
        my ($v, $schema, $document) = @_;
        for my $member ($v->[0] eq 'object' ? @$v[1 .. $#$v] : ()) {
            my $why = schema_deviation($member->[1], $schema, $document);
            return "$member->[0] $why" if $why;
        }
        return '';
    },
    allOf => sub {
        my ($v, $schemas, $document) = @_;
        my ($why) = grep {$_} map { schema_deviation($v, $_, $document) } @$schemas;
        return $why || '';
    },
);

# schema_deviation($value, $schema, $document): where a value of KissTest::JSON::parse_json is not what a schema says, or ''.
# Dies of a keyword that it does not know.
sub schema_deviation {
    my ($value, $schema, $document) = @_;
    $schema = resolve($document, $schema);
    for my $keyword (sort keys %$schema) {
        next if $SILENT{$keyword};
        my $test = $KEYWORD{$keyword} or die "schemas have the keyword $keyword, which t/lib/KissTest/OpenAPI.pm does not know\n";
        my $why = $test->($value, $schema->{$keyword}, $document, $schema);
        return $why if $why;
    }
    return '';
}

# ---- answers

# The schema of the rows of a list or page, and what their texts begin with.
sub _first_member {
    my ($document, $schema) = @_;
    $schema = resolve($document, $schema);
    $schema = resolve($document, $schema->{properties}{Data}) if $schema->{properties} && $schema->{properties}{Data};
    my $rows = $schema->{items} && resolve($document, $schema->{items});
    return $rows && $rows->{required} ? $rows->{required}[0] : undef;
}

# sample($text, $name): the text with fewer of its rows, each an object that begins with the member $name: the first one, the
# last one and up to three between.
sub sample {
    my ($text, $name) = @_;
    my $begin = "{\"$name\":";
    my $first = index $text, $begin;
    # Rows of the lists are lines.
    my $separator = index($text, ",\n$begin", $first) > 0 ? ",\n" : ',';
    my $last = rindex $text, "$separator$begin";
    return $text if length $text <= $WHOLE || $first < 0 || $last < $first;
    my @rows;
    for my $from ($first - length $separator, map { $first + int(($last - $first) * $_ / 4) } 1 .. 3) {
        my $at = $from < $first ? $first - length $separator : index $text, "$separator$begin", $from;
        my $next = index $text, "$separator$begin", $at + length $separator;
        push @rows, substr $text, $at + length $separator, $next - $at - length $separator if $at < $last && $next > 0;
    }
    return substr($text, 0, $first) . join ',', @rows, substr $text, $last + length $separator;
}

# answer_deviation($document, $operation, $status, $text): what is wrong with a JSON answer, or ''.
sub answer_deviation {
    my ($document, $operation, $status, $text) = @_;
    my $described = resolve($document, $operation->{responses}{$status} // $operation->{responses}{default});
    my $content = $described->{content} && $described->{content}{'application/json'};
    return 'has a body, which the document does not say' if !$content;
    my $name = $status == 226 ? undef : _first_member($document, $content->{schema});
    # Changes of a large list: nothing that could be left out of them is easily told.
    return '' if $status == 226 && length $text > 50 * $WHOLE;
    $text = sample($text, $name) if defined $name;
    return '' if $seen{ join ' ', $document, $operation->{operationId}, $status }{ md5($text) }++;
    my $value = eval { parse_json($text) } or return "is no JSON: $@";
    return schema_deviation($value, $content->{schema}, $document);
}

# check($httpd, $method, $path, $res, $key): dies when an answer is not what the document of that API says. $key is the API key
# that was sent. What is of no path of the document, and answers to keys of unknown types, are left alone.
sub check {
    my ($h, $method, $path, $res, $key) = @_;
    return if !$h->{kiss} || $h->{undocumented} || $method eq 'HEAD' || $res->{status} == 206 || $res->{status} == 599 || ($res->{headers}{'content-encoding'} // '') ne ''
        || ($res->{headers}{'content-type'} // '') !~ m{\Aapplication/json\b} || ($res->{content} // '') eq '';
    my $api = $h->{api} || 'customer';
    my $base = $h->{path} =~ s{/\z}{}r;
    my $below = $path =~ s/\?.*//sr;
    return if $below !~ s/\A\Q$base\E(?=\/)//;
    my $role = $api ne 'kss' ? 'all' : $res->{status} >= 400 ? 'employee' : $role{ $key // '' } or return;
    my $document = document($api eq 'customer' && $below =~ m{\A/admin/} ? 'admin' : $api, $role);
    my ($operation, $of) = operation_of($document, $method, $below) or return;
    $checked{"$api $method $of $res->{status}"}++;
    my $why = answer_deviation($document, $operation, $res->{status}, $res->{content}) or return;
    die "the answer $res->{status} to $method $path is not as in the OpenAPI document: $why\n" . substr($res->{content}, 0, 400) . "\n";
}

# checked(): how often answers were looked at, by "API METHOD PATH STATUS".
sub checked { return \%checked }

1;

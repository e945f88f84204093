# SPDX-License-Identifier: Apache-2.0
package KissTest::JSON;

# JSON as it was written: the order of members and the digits of numbers are kept, which JSON::PP does not do.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(parse_json);

# parse_json($text): [object => [name, value]...], [array => values...], [string => raw text], [number => digits],
# [boolean => word], ['null']. Dies when the text is not JSON.
sub parse_json {
    my ($text) = @_;
    my $value = _value(\$text);
    $text =~ /\G\s*\z/gc or die 'more after the JSON text';
    return $value;
}

sub _value {
    my ($t) = @_;
    $$t =~ /\G\s+/gc;
    return [string => $1] if $$t =~ /\G"((?:[^"\\\x00-\x1f]++|\\(?:["\\\/bfnrt]|u[0-9a-fA-F]{4}))*+)"/gc;
    return [number => $1] if $$t =~ /\G(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/gc;
    return [boolean => $1] if $$t =~ /\G(true|false)/gc;
    return ['null'] if $$t =~ /\Gnull/gc;
    my ($kind, $end) = $$t =~ /\G\{/gc ? ('object', '}') : $$t =~ /\G\[/gc ? ('array', ']') : die 'not JSON';
    my @members;
    $$t =~ /\G\s+/gc;
    return [$kind] if $$t =~ /\G\Q$end\E/gc;
    while (1) {
        my $name = $kind eq 'object' ? _value($t)->[1] : undef;
        $kind eq 'array' || $$t =~ /\G\s*:/gc or die 'no colon';
        push @members, $kind eq 'array' ? _value($t) : [$name, _value($t)];
        $$t =~ /\G\s+/gc;
        return [$kind, @members] if $$t =~ /\G\Q$end\E/gc;
        $$t =~ /\G,/gc or die 'no comma';
    }
}

1;

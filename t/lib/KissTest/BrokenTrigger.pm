# SPDX-License-Identifier: Apache-2.0
package KissTest::BrokenTrigger;

# A table whose trigger the server keeps for broken (findings/mariadb-killed-reader.sh).

use strict;
use warnings;
use Exporter 'import';
use IPC::Open3 qw(open3);
use Time::HiRes qw(sleep);

our @EXPORT = qw(break_trigger);

# break_trigger($server, $db, $table, $write): statements that read the table are stopped while they open it, until a statement that writes
# it is refused. A trigger of 2,000 statements that do nothing makes the time to open it long.
sub break_trigger {
    my ($server, $db, $table, $write) = @_;
    $server->sql($db, "DELIMITER //\nCREATE OR REPLACE TRIGGER long_one BEFORE INSERT ON $table FOR EACH ROW BEGIN\n" . "  SET \@nothing = 1;\n" x 2000 . "END//");
    open my $null, '>', '/dev/null' or die "/dev/null: $!";
    my $pid = open3(my $in, my $out, '>&' . fileno $null, $server->client_command, '--batch', '--skip-column-names', '--unbuffered', '--force', $db);
    $in->autoflush(1);
    print $in "SELECT CONNECTION_ID();\n";
    chomp(my $id = readline $out);
    my $admin = $server->session($db);
    my $broken = '';
    for my $try (1 .. 3000) {
        $admin->("FLUSH TABLES $table");
        print $in "SELECT COUNT(*) FROM $table LIMIT 1;\nSELECT 'done';\n";
        sleep 0.0002 * ($try % 40);
        $admin->("KILL QUERY $id");
        1 while (readline($out) // die 'the reader is gone') ne "done\n";
        last if !eval { $server->sql($db, "START TRANSACTION; $write; ROLLBACK"); 1 } && ($broken = $@);
    }
    $_->() for $admin;
    close $in;
    waitpid $pid, 0;
    die "not broken, but: $broken\n" if $broken !~ /has an error in its body/;
    return;
}

1;

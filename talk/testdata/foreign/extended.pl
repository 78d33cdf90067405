#!/usr/bin/env perl
# A client of TuiTalk in Perl, with its standard modules alone, in the extended
# form in bincode. It is written against the comment of package talk
# (talk/doc.go), and nothing else.
#
#     extended.pl ws://127.0.0.1:8080/ws ROOM NAME TEXT
#     extended.pl --selftest
#
# It joins a room, posts a text, waits until it is stored and comes back through the
# room, and fetches it from history. It exits with 0 only when all of that worked.
use strict;
use warnings;
use Digest::SHA qw(sha1_base64 sha256);
use Encode qw(decode encode FB_CROAK);
use File::Basename qw(dirname);
use IO::Socket::INET;
use JSON::PP ();

# --- The extended form in bincode --------------------------------------------

# The table "Fields" of the comment, as it stands there.
my @VARIANTS;
my %OBJECTS;

sub declare {
    for my $line (split /\n/, shift) {
        my ($number, $name, $fields) = $line =~ /^\s*(\d*)\s*(\w+)\s\s+(.*)$/ or next;
        my @fields = map { [split] } split /[,;] /, $fields;
        $OBJECTS{$name} = \@fields;
        $VARIANTS[$number] = $name if $number ne '';
    }
}

declare(<<'END');
 0 JoinRoom  room_id i32, uuid uuid, username string, unixtime u64; after_seq? i64, after_id? uuid, after_time? u64
 1 LeaveRoom  room_id i32, uuid uuid, username string, unixtime u64
 2 ChangeName  uuid uuid, username string, old_username string, unixtime u64; id? uuid
 3 Fetch  room_id i32, limit i64, fetch_before u64; before_seq? i64
 4 LocalError  message string
 5 UserJoined  uuid uuid, username string, room_id i32, unixtime u64; id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
 6 UserLeft  uuid uuid, username string, room_id i32, unixtime u64; id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
 7 UsernameChanged  uuid uuid, username string, old_username string, unixtime u64; room_id i32, id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
 8 History  text [message]; room_id? i32, before_seq? i64, more? bool, complete? bool
 9 Error  code string, message string; id? uuid, retry? bool, retry_ms? u32
10 PostMessage  uuid uuid, username string, text string, room_id i32, unixtime u64; id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
11 Hello  client string, secret? secret, session? uuid
12 Welcome  uuid uuid, server string, limits limits
13 Joined  room_id i32, head_seq i64, after_seq i64, members [member], member_count u32, head_id? uuid, reset? bool, members_unknown? bool, head_time? u64
14 Accepted  room_id i32, id uuid
15 Stored  room_id i32, id uuid, seq i64
16 Withdrawn  room_id i32, uuid uuid, id uuid
17 Presence  room_id i32, member_count u32
18 Reconnect  within_ms u32, reset? bool
19 Gap  room_id i32, from i64, to i64, to_id? uuid, to_time? u64
20 Ping  n u32
21 Pong  n u32

limits  text_bytes u32, name_bytes u32, name_clusters u32, frame_bytes u32, fetch_entries u32
member  uuid uuid, username string
END

my %NUMBER = map { $VARIANTS[$_] => $_ } 0 .. $#VARIANTS;
my %FIXED = (u32 => ['L<', 4], i32 => ['l<', 4], u64 => ['Q<', 8], i64 => ['q<', 8]);

# write_value is a value of a kind.
sub write_value {
    my ($kind, $value) = @_;
    return pack $FIXED{$kind}[0], $value if $FIXED{$kind};
    return pack 'C', $value ? 1 : 0 if $kind eq 'bool';
    return pack 'Q</a*', encode('UTF-8', $value, FB_CROAK) if $kind eq 'string';
    return pack 'Q</a*', pack('H*', $value =~ tr/-//dr) if $kind eq 'uuid' || $kind eq 'secret';
    return pack('Q<', scalar @$value) . join '', map { pack 'Q</a*', write_message($_) } @$value if $kind eq '[message]';
    return pack('Q<', scalar @$value) . join '', map { write_fields('member', $_) } @$value if $kind eq '[member]';
    return write_fields($kind, $value);
}

sub write_fields {
    my ($object, $values) = @_;
    my $data = '';
    for (@{ $OBJECTS{$object} }) {
        my ($name, $kind) = @$_;
        if ($name =~ s/\?$//) {
            $data .= exists $values->{$name} ? "\1" . write_value($kind, $values->{$name}) : "\0";
        }
        else {
            die "$object lacks $name\n" unless exists $values->{$name};
            $data .= write_value($kind, $values->{$name});
        }
    }
    return $data;
}

# write_message writes {Variant => {fields}}; in PostMessage they are in message.
sub write_message {
    my ($variant) = keys %{ $_[0] };
    my $values = $_[0]{$variant};
    $values = $values->{message} if $variant eq 'PostMessage';
    return pack('L<', $NUMBER{$variant}) . write_fields($variant, $values);
}

# take returns the next bytes of $$data.
sub take {
    my ($data, $size) = @_;
    die "the bincode ends too early\n" if $size > length $$data;
    return substr $$data, 0, $size, '';
}

sub read_value {
    my ($data, $kind) = @_;
    if (my $fixed = $FIXED{$kind}) {
        return unpack $fixed->[0], take($data, $fixed->[1]);
    }
    if ($kind eq 'bool') {
        my $byte = ord take($data, 1);
        die "a bool is 0 or 1\n" if $byte > 1;
        return $byte ? JSON::PP::true : JSON::PP::false;
    }
    return read_fields($data, $kind) if $kind eq 'limits';
    my $count = read_value($data, 'u64');
    if ($kind eq 'string') {
        return decode('UTF-8', take($data, $count), FB_CROAK);
    }
    if ($kind eq 'uuid' || $kind eq 'secret') {
        die "a $kind of $count bytes\n" if $count != ($kind eq 'uuid' ? 16 : 32);
        my $hex = unpack 'H*', take($data, $count);
        $hex =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/ if $kind eq 'uuid';
        return $hex;
    }
    my @items;
    for (1 .. $count) {
        if ($kind eq '[member]') {
            push @items, read_fields($data, 'member');
            next;
        }
        my $message = read_message(take($data, read_value($data, 'u64')));
        push @items, $message if $message; # others are of a newer version
    }
    return \@items;
}

sub read_fields {
    my ($data, $object) = @_;
    my %values;
    for (@{ $OBJECTS{$object} }) {
        my ($name, $kind) = @$_;
        if ($name =~ s/\?$//) {
            next if $$data eq '' || !read_value($data, 'bool');
        }
        $values{$name} = read_value($data, $kind);
    }
    return \%values;
}

# read_message returns undef for a variant that is not known, and leaves out what
# stands behind the last field that is.
sub read_message {
    my $data = shift;
    my $variant = $VARIANTS[read_value(\$data, 'u32')] or return undef;
    my $fields = read_fields(\$data, $variant);
    return { $variant => $variant eq 'PostMessage' ? { message => $fields } : $fields };
}

# --- WebSocket (RFC 6455) ------------------------------------------------------

use constant { BINARY => 2, CLOSE => 8, PING => 9, PONG => 10, MOST => 1 << 20 };

my ($socket, $buffer) = (undef, '');

sub random_bytes {
    my $size = shift;
    open my $random, '<:raw', '/dev/urandom' or die "no random bytes: $!\n";
    my $bytes;
    read $random, $bytes, $size;
    return $bytes;
}

sub connect_to {
    my ($host, $port, $path) = $_[0] =~ m{^ws://([^/:]+):(\d+)(/.*)?$} or die "an address is ws://host:port/path\n";
    $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 10) or die "no connection: $@\n";
    binmode $socket;
    $socket->autoflush(1);
    my $key = encode_base64(random_bytes(16));
    print $socket join "\r\n", "GET " . ($path // '/') . " HTTP/1.1", "Host: $host:$port", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: $key", "Sec-WebSocket-Version: 13", '', '';
    more() until $buffer =~ s/^(.*?)\r\n\r\n//s;
    my $head = $1;
    die "no WebSocket here: $head\n" unless $head =~ m{^HTTP/1\.1 101 };
    my ($accept) = $head =~ /^Sec-WebSocket-Accept:\s*(\S+)/mi;
    die "the server did not answer this handshake\n"
        unless ($accept // '') eq sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
}

sub more {
    my $count = sysread $socket, $buffer, 1 << 16, length $buffer;
    die "the connection broke\n" unless $count;
}

sub take_bytes {
    my $size = shift;
    more() while length $buffer < $size;
    return substr $buffer, 0, $size, '';
}

# send_frame sends one frame as a client does: masked.
sub send_frame {
    my ($opcode, $payload) = @_;
    my ($mask, $size) = (random_bytes(4), length $payload);
    my $head = pack 'C', 0x80 | $opcode;
    $head .= $size < 126 ? pack 'C', 0x80 | $size : $size < 1 << 16 ? pack 'Cn', 0xfe, $size : pack 'CQ>', 0xff, $size;
    my $masked = $payload ^ substr $mask x (1 + $size / 4), 0, $size;
    syswrite $socket, $head . $mask . $masked or die "the connection broke: $!\n";
}

# receive_payload returns the next message's payload.
sub receive_payload {
    my $payload = '';
    while (1) {
        my ($first, $second) = unpack 'CC', take_bytes(2);
        die "a server's frame has no reserved bits and no mask\n" if $first & 0x70 || $second & 0x80;
        my $size = $second == 126 ? unpack 'n', take_bytes(2) : $second == 127 ? unpack 'Q>', take_bytes(8) : $second;
        die "a frame is too large\n" if $size + length $payload > MOST;
        my ($opcode, $part) = ($first & 0x0f, take_bytes($size));
        if ($opcode == PING) { send_frame(PONG, $part); next }
        next if $opcode == PONG;
        die sprintf "the server closed: %d %s\n", unpack('n', $part), substr $part, 2 if $opcode == CLOSE;
        die "the server answered in the other form\n" unless $opcode == BINARY || $opcode == 0;
        $payload .= $part;
        return $payload if $first & 0x80;
    }
}

# --- The conversation -----------------------------------------------------------

sub say { send_frame(BINARY, write_message({ @_ })) }

# hear returns variant and fields of the next message that is known.
sub hear {
    while (1) {
        my $message = read_message(receive_payload()) or next;
        my ($variant) = keys %$message;
        print JSON::PP->new->canonical->utf8->encode($message), "\n";
        if ($variant eq 'Ping') { say(Pong => $message->{Ping}); next }
        die "refused: $message->{Error}{code}: $message->{Error}{message}\n" if $variant eq 'Error';
        return $variant, $message->{$variant};
    }
}

sub wait_for {
    my $wanted = shift;
    while (1) {
        my ($variant, $fields) = hear();
        return $fields if $variant eq $wanted;
    }
}

sub new_uuid {
    my @parts = unpack 'H8 H4 H4 H4 H12', random_bytes(16);
    $parts[2] =~ s/^./4/;
    $parts[3] =~ s/^./8/;
    return join '-', @parts;
}

sub uuid_of {
    my $bytes = substr sha256("tuitalk identity 1\n" . pack 'H*', shift), 0, 16;
    vec($bytes, 6, 8) = vec($bytes, 6, 8) & 0x0f | 0x80;
    vec($bytes, 8, 8) = vec($bytes, 8, 8) & 0x3f | 0x80;
    return join '-', unpack 'H8 H4 H4 H4 H12', $bytes;
}

sub encode_base64 { return pack('u', shift) =~ s/^.//r =~ tr{` -_}{AA-Za-z0-9+/}r =~ s/\n//r =~ s/..$/==/r }

sub converse {
    my ($url, $room, $name, $text) = @_;
    connect_to($url);
    my $secret = unpack 'H*', random_bytes(32);
    say(Hello => { client => 'foreign-perl/1', secret => $secret, session => new_uuid() });
    my $me = wait_for('Welcome')->{uuid};
    die "the server derives $me from the secret\n" unless $me eq uuid_of($secret);
    say(JoinRoom => { room_id => $room, uuid => $me, username => $name, unixtime => 0 });
    my $joined = wait_for('Joined');
    die "not a member of the room that was joined\n" unless grep { $_->{uuid} eq $me } @{ $joined->{members} };

    my $id = new_uuid();
    say(PostMessage => { message => { uuid => $me, username => $name, text => $text, room_id => $room, unixtime => 0, id => $id } });
    my ($stored, $entry);
    until ($stored && $entry) {
        my ($variant, $fields) = hear();
        $stored = $fields->{seq} if $variant eq 'Stored' && $fields->{id} eq $id;
        $entry = $fields->{message} if $variant eq 'PostMessage' && $fields->{message}{id} eq $id && !$fields->{message}{pending};
    }
    die "the entry is not what was said\n" unless $entry->{text} eq $text && $entry->{seq} == $stored && $entry->{uuid} eq $me;

    say(Fetch => { room_id => $room, limit => 50, fetch_before => 0, before_seq => $stored + 1 });
    my ($found, $more) = (0, 1);
    while ($more) {
        my $history = wait_for('History');
        $found += grep { my ($post) = $_->{PostMessage}; $post && $post->{message}{id} eq $id } @{ $history->{text} };
        $more = $history->{more};
    }
    die "history has the message $found times\n" unless $found == 1;
    say(LeaveRoom => { room_id => $room, uuid => $me, username => $name, unixtime => 0 });
    send_frame(CLOSE, pack 'n', 1000);
}

# --- The self-test ----------------------------------------------------------------

sub slurp {
    open my $file, '<:raw', shift or die "no golden vector: $!\n";
    local $/;
    return <$file>;
}

sub selftest {
    my $json = JSON::PP->new->canonical->utf8;
    my $checked = 0;
    for my $path (glob dirname($0) . '/../golden/*.extended.bin') {
        my $data = slurp($path);
        my $golden = $json->decode(slurp($path =~ s/bin$/json/r));
        my $message = read_message($data);
        die "$path reads as another message than its JSON\n" unless $json->encode($message) eq $json->encode($golden);
        die "$path does not come back\n" unless write_message($golden) eq $data;
        die "$path with more behind it is another message\n"
            unless $json->encode(read_message($data . 'of a newer version')) eq $json->encode($golden);
        for my $cut (0 .. length($data) - 1) {
            my $short = eval { read_message(substr $data, 0, $cut) } or next;
            die "$path cut at $cut is the same\n" if write_message($short) eq substr $data, 0, $cut;
        }
        $checked++;
    }
    die "there are no golden vectors\n" unless $checked > 20;
    die "a secret leads to another uuid\n"
        unless uuid_of(unpack 'H*', pack 'C*', 0 .. 31) eq 'b58ec876-c5b7-8146-9e66-92e1053b159b';
    die "base64 is wrong\n" unless encode_base64('the sample nonce') eq 'dGhlIHNhbXBsZSBub25jZQ==';
    print "$checked vectors are right\n";
}

$SIG{ALRM} = sub { die "the time is up\n" };
alarm 20;
if (@ARGV == 1 && $ARGV[0] eq '--selftest') { selftest() }
elsif (@ARGV == 4) { converse(@ARGV[0, 1, 2], decode('UTF-8', $ARGV[3])) }
else { die "usage: extended.pl URL ROOM NAME TEXT | --selftest\n" }

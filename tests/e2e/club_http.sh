#!/bin/bash
# club_http - the real vafa-club over HTTPS, asked by curl: every bad request gets a clear JSON
# error and changes nothing; certificates are checked, bound, and revoked.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check}"
club=$BUILD/vafa-club
t=$(mktemp -d)
data=$t/club
free_port() {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url=https://localhost:$port
}
free_port
pid=
trap '[ -n "$pid" ] && kill "$pid" 2>/dev/null; wait; rm -rf "$t"' EXIT

ok() { echo "ok club_http $1"; }
bad() { echo "not ok club_http $1"; [ -s "$t/answer" ] && echo "#   answer: $(head -c 300 "$t/answer")"; }
is() { if [ "$1" = "$2" ]; then ok "$3"; else bad "$3 (got $1, not $2)"; fi; }
command_is() { local want=$1 say=$2; shift 2; timeout 20 "$@" >"$t/answer" 2>&1; is $? "$want" "$say"; }

# Another program may take the free port first: then the club ends, and gets another one.
serve() {
    local tries
    for tries in 1 2 3; do
        "$club" serve --data "$data" --listen "127.0.0.1:$port" >>"$t/log" 2>&1 &
        pid=$!
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            curl -sk "$url/v1/health" >/dev/null && return
            sleep 0.1
        done
        kill "$pid" 2>/dev/null; wait "$pid"; pid=
        free_port
    done
    echo "not ok club_http the club does not start"; cat "$t/log"; exit 1
}
stop() { kill "$pid"; wait "$pid"; rc=$?; pid=; return $rc; }

# ask PATH [curl option...]: prints the status, the body goes to $t/answer.
ask() {
    local path=$1; shift
    curl -s --max-time 20 --cacert "$data/ca.pem" -o "$t/answer" -w '%{http_code}' "$@" "$url$path"
}
word() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$t/answer" "$1" 2>/dev/null; }
# refused STATUS WORD SENTENCE PATH [curl option...]: the JSON error and nothing else changes.
refused() {
    local status=$1 error=$2 say=$3; shift 3
    local got; got=$(ask "$@")
    is "$got $(word error)" "$status $error" "$say"
    [ -n "$(word say)" ] || bad "$say: without a sentence"
}
books() { "$club" dump --data "$data" | sha256sum; }
key() { openssl ecparam -name "${2:-prime256v1}" -genkey -noout -out "$t/$1.key" 2>/dev/null; }
request() { openssl req -new -key "$t/$1.key" -subj "/CN=${2:-999}" -out "$t/$1.csr" 2>/dev/null; }
enrol_body() {
    python3 -c 'import json, sys; print(json.dumps({"v": 1, "code": sys.argv[1], "csr": open(sys.argv[2]).read(), "board": "sim"}))' "$1" "$2" >"$t/enrol.json"
}
code() { "$club" code --data "$data" --merchant Refah --branch Tajrish "$@" 2>/dev/null; }
sql() { python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=10); r = c.execute(sys.argv[2]).fetchall(); c.commit(); print(r[0][0] if r else "")' "$data/club.db" "$1"; }
body() { sed -n "$1p" "$t/batches"; }

serve

# --- TLS and paths ---------------------------------------------------------------------------
is "$(ask /v1/health)" 200 "health answers over the club's own certificate"
openssl x509 -in "$data/ca.pem" -noout -text | grep -q 'CA:TRUE' && ok "the CA's certificate is one" || bad "the CA's certificate is one"
is "$(stat -c %a "$data/ca.key") $(stat -c %a "$data/server.key")" "600 600" "keys are their owner's only"
curl -s --max-time 5 "$url/v1/health" >/dev/null 2>&1 && bad "a client without the CA refuses the club" || ok "a client without the CA refuses the club"
echo | openssl s_client -connect "127.0.0.1:$port" -tls1_1 -cipher 'DEFAULT@SECLEVEL=0' >/dev/null 2>&1 && bad "TLS 1.1 is refused" || ok "TLS 1.1 is refused"
for v in -tls1_2 -tls1_3; do
    echo | openssl s_client -connect "127.0.0.1:$port" -CAfile "$data/ca.pem" -verify_return_error -verify_hostname localhost $v >/dev/null 2>&1 && ok "TLS $v connects" || bad "TLS $v connects"
done
# cpu_of PID: hundredths of a second that it has used.
cpu_of() { awk '{print $14 + $15}' "/proc/$1/stat"; }
before=$(cpu_of "$pid")
exec 3<>"/dev/tcp/127.0.0.1/$port"; printf '\x16\x03\x01\x02\x00' >&3; sleep 1
used=$(($(cpu_of "$pid") - before))
exec 3>&-
[ "$used" -lt 20 ] && ok "a handshake that stops after five bytes costs no processor" || bad "a handshake that stops after five bytes costs $used of 100"
refused 404 path "an unknown path is refused" /v1/cards
refused 404 path "the root is refused" /
refused 405 method "GET on enrol is refused" /v1/enrol
refused 405 method "PUT on sync is refused" /v1/sync -X PUT -d '{}'
refused 405 method "POST on health is refused" /v1/health -d '{}'
refused 415 encoding "another encoding is refused" /v1/enrol -H 'Content-Encoding: br' -d '{}'
printf 'rubbish\r\n\r\n' | timeout 5 openssl s_client -quiet -connect "127.0.0.1:$port" >/dev/null 2>&1
is "$(ask /v1/health)" 200 "a request that is not HTTP harms nobody"
printf 'hello' | timeout 5 bash -c "cat >/dev/tcp/127.0.0.1/$port" 2>/dev/null
is "$(ask /v1/health)" 200 "a caller that is not TLS harms nobody"

# --- enrolment -------------------------------------------------------------------------------
key a; request a
CODE=$(code)
[[ $CODE =~ ^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$ ]] && ok "a code is made" || bad "a code is made: $CODE"
is "$(grep -c "$CODE" "$data/club.db" "$data/club.db-wal" | awk -F: '{n += $2} END {print n}')" 0 "the code is not in the database, only its hash"
refused 400 body "a body that is not JSON is refused" /v1/enrol -d '{"v":1,'
refused 400 body "an empty body is refused" /v1/enrol -d ''
refused 400 body "a missing field is refused" /v1/enrol -d '{"v":1,"code":"X"}'
refused 400 body "an ill-typed field is refused" /v1/enrol -d '{"v":1,"code":7,"csr":"x","board":"sim"}'
refused 400 body "another version is refused" /v1/enrol -d '{"v":2,"code":"a","csr":"x","board":"sim"}'
python3 -c 'print("{\"v\":" + "[" * 100000)' >"$t/deep"
refused 400 body "100,000 brackets are refused" /v1/enrol --data-binary "@$t/deep"
echo "not a request" >"$t/x.csr"; enrol_body "$CODE" "$t/x.csr"
refused 400 csr "a text that is no certificate request is refused" /v1/enrol -d "@$t/enrol.json"
openssl genrsa -out "$t/rsa.key" 2048 2>/dev/null; request rsa; enrol_body "$CODE" "$t/rsa.csr"
refused 400 csr "an RSA key is refused" /v1/enrol -d "@$t/enrol.json"
key p384 secp384r1; request p384; enrol_body "$CODE" "$t/p384.csr"
refused 400 csr "a P-384 key is refused" /v1/enrol -d "@$t/enrol.json"
# The request of a, with the public key swapped for another: its signature no longer fits.
openssl req -in "$t/a.csr" -outform DER -out "$t/a.der"
python3 - "$t" <<'PY'
import sys, base64
t = sys.argv[1]
der = bytearray(open(t + "/a.der", "rb").read())
der[-3] ^= 1
body = base64.encodebytes(bytes(der)).decode()
open(t + "/forged.csr", "w").write("-----BEGIN CERTIFICATE REQUEST-----\n" + body + "-----END CERTIFICATE REQUEST-----\n")
PY
enrol_body "$CODE" "$t/forged.csr"
refused 400 csr "a request not signed by its own key is refused" /v1/enrol -d "@$t/enrol.json"
is "$("$club" pending --data "$data" | wc -l)" 0 "no bad request left a trace"

enrol_body "AAAA-BBBB-CCCC" "$t/a.csr"
refused 403 code "a wrong code is refused" /v1/enrol -d "@$t/enrol.json"
OLD=$(code --hours 1); sql "UPDATE code SET expires_at = made_at - 1 WHERE made_at = (SELECT max(made_at) FROM code) AND expires_at - made_at = 3600" >/dev/null
enrol_body "$OLD" "$t/a.csr"
refused 403 code "an expired code is refused" /v1/enrol -d "@$t/enrol.json"

enrol_body "$(echo "$CODE" | tr 'A-Z' 'a-z' | tr -d -)" "$t/a.csr"; cp "$t/enrol.json" "$t/a.json"
is "$(ask /v1/enrol -d "@$t/a.json") $(word state)" "202 pending" "the right code is taken, in small letters, too"
is "$(ask /v1/enrol -d "@$t/a.json") $(word state)" "202 pending" "asking again is pending still"
is "$("$club" pending --data "$data" | wc -l)" 1 "the request waits once"
key b; request b; enrol_body "$CODE" "$t/b.csr"
refused 403 code "a used code is refused to another key" /v1/enrol -d "@$t/enrol.json"
command_is 1 "an unknown request cannot be approved" "$club" approve --data "$data" 77
command_is 0 "the operator approves" "$club" approve --data "$data" all
command_is 1 "a request is approved once" "$club" approve --data "$data" 1
is "$(ask /v1/enrol -d "@$t/a.json") $(word state)" "200 approved" "the terminal gets its certificate"
cp "$t/answer" "$t/first"; ask /v1/enrol -d "@$t/a.json" >/dev/null
cmp -s "$t/first" "$t/answer" && ok "the same question gets the same answer" || bad "the same question gets the same answer"
word certificate >"$t/a.crt"; word ca >"$t/ca.crt"
cmp -s <(openssl x509 -in "$t/ca.crt") <(openssl x509 -in "$data/ca.pem") && ok "the answer carries the CA" || bad "the answer carries the CA"
openssl verify -purpose sslclient -CAfile "$data/ca.pem" "$t/a.crt" >/dev/null 2>&1 && ok "openssl verifies the certificate" || bad "openssl verifies the certificate"
openssl verify -purpose sslserver -CAfile "$data/ca.pem" "$t/a.crt" >/dev/null 2>&1 && bad "the certificate is for clients only" || ok "the certificate is for clients only"
is "$(openssl x509 -in "$t/a.crt" -noout -subject | tr -d ' ')" "subject=CN=1" "CN is the terminal's number, whatever the request said"
cmp -s <(openssl x509 -in "$t/a.crt" -noout -pubkey) <(openssl ec -in "$t/a.key" -pubout 2>/dev/null) && ok "the certificate holds the terminal's key" || bad "the certificate holds the terminal's key"

# --- sync ------------------------------------------------------------------------------------
cert=(--cert "$t/a.crt" --key "$t/a.key")
command_is 0 "a programme is stored" "$club" programme --data "$data" programmes/base.json
"$BUILD/posting-batches" 1 60 10 >"$t/batches"
before=$(books)
refused 401 certificate "sync without a certificate is refused" /v1/sync -d "$(body 1)"
# Another CA that calls itself the same, and signs a certificate with the same number.
key evilca; openssl req -x509 -new -key "$t/evilca.key" -subj '/CN=Vafa club' -days 10 -out "$t/evilca.crt" 2>/dev/null
openssl x509 -req -in "$t/b.csr" -CA "$t/evilca.crt" -CAkey "$t/evilca.key" -CAcreateserial -days 10 -out "$t/evil.crt" 2>/dev/null
refused 403 certificate "another CA's certificate is refused" /v1/sync --cert "$t/evil.crt" --key "$t/b.key" -d "$(body 1)"
# The club's own CA, but not a certificate that the club issued to this terminal.
openssl req -new -key "$t/b.key" -subj '/CN=1' -out "$t/b1.csr" 2>/dev/null
printf 'extendedKeyUsage=clientAuth\n' >"$t/ext"
openssl x509 -req -in "$t/b1.csr" -CA "$data/ca.pem" -CAkey "$data/ca.key" -CAcreateserial -CAserial "$t/serial" -extfile "$t/ext" -days 10 -out "$t/unknown.crt" 2>/dev/null
refused 403 unknown "a certificate that was never handed out is refused" /v1/sync --cert "$t/unknown.crt" --key "$t/b.key" -d "$(body 1)"
refused 403 certificate "the server's own certificate is refused" /v1/sync --cert "$data/server.pem" --key "$data/server.key" -d "$(body 1)"
printf '%s' "$(body 1)" | sed 's/"terminal": *1,/"terminal":2,/' >"$t/two"
refused 403 terminal "a terminal cannot speak for another" /v1/sync "${cert[@]}" -d "@$t/two"
refused 400 body "sync: not JSON" /v1/sync "${cert[@]}" -d 'entries'
refused 400 body "sync: an entry that is not base64" /v1/sync "${cert[@]}" -d "$(body 1 | sed 's/"entries": *\["./"entries":["*/')"
python3 - "$t" <<'PY'
import sys, json, base64, gzip
t = sys.argv[1]
good = json.loads(open(t + "/batches").readline())
def put(name, change):
    body = json.loads(json.dumps(good)); change(body)
    open(f"{t}/{name}", "w").write(json.dumps(body))
put("empty", lambda b: b.update(entries=[]))
put("rubbish", lambda b: b["entries"].__setitem__(3, base64.b64encode(b"\1" * 60).decode()))
put("swapped", lambda b: b["entries"].reverse())
put("many", lambda b: b.update(entries=b["entries"][:1] * 1001))
put("ahead", lambda b: b.update(after=500))
put("otherbase", lambda b: b.update(base="11" * 32))
raw = json.dumps(good).encode()
open(t + "/good.gz", "wb").write(gzip.compress(raw))
open(t + "/cut.gz", "wb").write(gzip.compress(raw)[:-20])
open(t + "/bomb.gz", "wb").write(gzip.compress(b" " * 200_000_000, 9))
open(t + "/small-bomb.gz", "wb").write(gzip.compress(b" " * 2_000_000, 9))
open(t + "/large", "wb").write(b'{"v":1,"x":"' + b"x" * 1_100_000 + b'"}')
open(t + "/large.gz", "wb").write(bytes(range(256)) * 1100)
PY
refused 400 entry "sync: an entry that is none" /v1/sync "${cert[@]}" -d "@$t/rubbish"
refused 400 entry "sync: entries out of order" /v1/sync "${cert[@]}" -d "@$t/swapped"
[[ $(ask /v1/sync "${cert[@]}" -d "@$t/many") =~ ^(400|413)$ ]] && ok "sync: 1,001 entries are refused" || bad "sync: 1,001 entries are refused"
refused 409 behind "sync: entries beyond what the club has" /v1/sync "${cert[@]}" -d "@$t/ahead"
is "$(word acknowledged)" 0 "the club says what it has"
refused 413 too_large "a body of 1.1 MB is refused" /v1/sync "${cert[@]}" --data-binary "@$t/large"
refused 413 too_large "1.1 MB in chunks are refused" /v1/sync "${cert[@]}" -H 'Transfer-Encoding: chunked' --data-binary "@$t/large"
refused 413 too_large "a packed body of 275 KB is refused" /v1/sync "${cert[@]}" -H 'Content-Encoding: gzip' --data-binary "@$t/large.gz"
refused 413 too_large "a gzip bomb of 200 MB is refused" /v1/sync "${cert[@]}" -H 'Content-Encoding: gzip' --data-binary "@$t/bomb.gz"
refused 413 too_large "a gzip bomb of 2 MB is refused" /v1/sync "${cert[@]}" -H 'Content-Encoding: gzip' --data-binary "@$t/small-bomb.gz"
refused 400 gzip "a cut gzip body is refused" /v1/sync "${cert[@]}" -H 'Content-Encoding: gzip' --data-binary "@$t/cut.gz"
refused 400 gzip "JSON that calls itself gzip is refused" /v1/sync "${cert[@]}" -H 'Content-Encoding: gzip' -d "$(body 1)"
is "$(books)" "$before" "nothing of all this is in the books"
is "$(sql 'SELECT count(*) FROM tcase')" 0 "and no case was opened"

is "$(ask /v1/sync "${cert[@]}" -H 'Content-Encoding: gzip' --data-binary "@$t/good.gz") $(word acknowledged)" "200 20" "a packed batch is taken"
grep -q programme "$t/answer" && bad "a terminal that has the programme gets none" || ok "a terminal that has the programme gets none"
ask /v1/sync "${cert[@]}" -d "$(body 1 | sed 's/"programme": *1/"programme":0/')" >/dev/null
python3 -c 'import json, sys; p = json.load(open(sys.argv[1]))["programme"]; import base64; json.loads(base64.urlsafe_b64decode(p["text"].split(".")[1] + "==")); sys.exit(p["version"] != 1)' "$t/answer" && ok "a terminal without a programme gets it" || bad "a terminal without a programme gets it"
ask /v1/sync "${cert[@]}" --compressed -d "$(body 1 | sed 's/"programme": *1/"programme":0/')" >/dev/null
python3 -c 'import base64, json, sys; json.loads(base64.urlsafe_b64decode(json.load(open(sys.argv[1]))["programme"]["text"].split(".")[1] + "=="))' "$t/answer" && ok "an answer may come packed" || bad "an answer may come packed"
for i in 1 2 3 4 5 6; do got=$(ask /v1/sync "${cert[@]}" -d "$(body $i)"); done
is "$got $(word acknowledged)" "200 120" "all batches are taken"
before=$(books)
for i in 6 1 3 3 2; do got=$(ask /v1/sync "${cert[@]}" -d "$(body $i)"); done
is "$got $(word acknowledged) $(books)" "200 120 $before" "batches again, in any order, change nothing"
refused 409 chain "bytes that contradict the books are refused" /v1/sync "${cert[@]}" -d "@$t/otherbase"
is "$(books) $(sql 'SELECT count(*) FROM tcase')" "$before 1" "and are a case"
command_is 0 "the books balance" "$club" report --data "$data"
"$club" report --data "$data" --json | python3 -c 'import json, sys; r = json.load(sys.stdin); sys.exit(r["totals"][0]["transactions"] != 60 or any(b["sum"] for b in r["books"]))' && ok "the report is JSON: 60 transactions, every book sums to zero" || bad "the report is JSON"

# --- revoking, rationing ---------------------------------------------------------------------
command_is 1 "an unknown terminal cannot be revoked" "$club" revoke --data "$data" 44
# One request has its head and half its body at the club before, the other comes on a kept line after.
python3 - "$data" "$t" "$port" "$club" >"$t/revoked" <<'PY'
import http.client, json, ssl, subprocess, sys, time
data, t, port, club = sys.argv[1:]
context = ssl.create_default_context(cafile=data + "/ca.pem")
context.load_cert_chain(t + "/a.crt", t + "/a.key")
body = open(t + "/empty", "rb").read()
lines = [http.client.HTTPSConnection("localhost", int(port), context=context, timeout=20) for _ in range(2)]
lines[1].request("POST", "/v1/sync", body)
answer = lines[1].getresponse(); answer.read()
lines[0].putrequest("POST", "/v1/sync"); lines[0].putheader("Content-Length", str(len(body)))
lines[0].endheaders(body[:len(body) // 2])
time.sleep(0.5)
revoked = subprocess.run([club, "revoke", "--data", data, "1"], stdout=subprocess.DEVNULL).returncode
lines[0].send(body[len(body) // 2:])
lines[1].request("POST", "/v1/sync", body)
said = [f"{a.status} {json.loads(a.read())['error' if a.status != 200 else 'acknowledged']}" for a in (line.getresponse() for line in lines)]
print(answer.status, revoked, *said)
PY
is "$(cat "$t/revoked")" "200 0 403 revoked 403 revoked" "a request that has begun, and a line that is kept, end with a revocation"
command_is 0 "the operator may revoke twice" "$club" revoke --data "$data" 1
refused 403 revoked "a revoked terminal is refused at once" /v1/sync "${cert[@]}" -d "$(body 1)"
refused 403 revoked "a revoked terminal has no news" /v1/sync "${cert[@]}" -d "@$t/empty"
enrol_body "AAAA-BBBB-CCCC" "$t/b.csr"
for _ in $(seq 12); do got=$(ask /v1/enrol -d "@$t/enrol.json"); done
is "$got $(word error)" "429 slow_down" "wrong codes are rationed"
NEW=$(code); enrol_body "$NEW" "$t/b.csr"
is "$(ask /v1/enrol -d "@$t/enrol.json")" 429 "so that the right one cannot be found by trying"
is "$(ask /v1/enrol -d "@$t/a.json") $(word state)" "200 approved" "a terminal that asks for its own again is let through"

# --- commands --------------------------------------------------------------------------------
command_is 2 "an unknown command says what is right" "$club" sell --data "$data"
grep -q 'programme FILE' "$t/answer" && ok "with the list of commands" || bad "with the list of commands"
command_is 2 "an unknown option" "$club" report --data "$data" --jsno
command_is 2 "an option of another command" "$club" report --data "$data" --hours 3
command_is 2 "an option twice" "$club" report --data "$data" --json --json
command_is 2 "an argument too many" "$club" report --data "$data" 1
command_is 2 "an argument that is missing" "$club" revoke --data "$data"
grep -q 'revoke TERMINAL' "$t/answer" && ok "with how the command is used" || bad "with how the command is used"
command_is 2 "no data folder" "$club" report
command_is 1 "a report on a folder that holds no club" "$club" report --data "$t/nowhere"
[ ! -e "$t/nowhere" ] && ok "which does not make one" || bad "which does not make one"
command_is 2 "an option without its value" "$club" report --data
command_is 2 "hours that are none" "$club" code --data "$data" --merchant a --branch b --hours soon
command_is 2 "a merchant without a name" "$club" code --data "$data" --merchant "" --branch b
command_is 2 "a name that is not UTF-8" "$club" code --data "$data" --merchant "$(printf '\377')" --branch b
command_is 2 "an address that is none" "$club" serve --data "$data" --listen nowhere
command_is 1 "a port that is taken" "$club" serve --data "$data" --listen "127.0.0.1:$port"
echo '{"vafa_programme":2,"version":2}' >"$t/p.json"
command_is 2 "a programme that is wrong" "$club" programme --data "$data" "$t/p.json"
echo '{"vafa_programme":1,"version":2}' >"$t/p.json"
command_is 1 "a programme of the format before" "$club" programme --data "$data" "$t/p.json"
sed 's/"Vafa club"/"Another club"/' programmes/base.json >"$t/p.json"
command_is 1 "another programme of the same version" "$club" programme --data "$data" "$t/p.json"
command_is 0 "the same programme again" "$club" programme --data "$data" programmes/base.json
command_is 1 "a programme that is not there" "$club" programme --data "$data" "$t/none.json"

# --- end and start ---------------------------------------------------------------------------
stop; is $? 0 "SIGTERM ends it cleanly"
cp "$data/ca.pem" "$t/ca.before"; cp "$data/server.pem" "$t/server.before"
serve
cmp -s "$data/ca.pem" "$t/ca.before" && cmp -s "$data/server.pem" "$t/server.before" && ok "a second start keeps its certificates" || bad "a second start keeps its certificates"
is "$(books)" "$before" "and its books"
stop
# A renewal that was cut between its two files: key and certificate that do not fit each other.
key cut; cp "$t/cut.key" "$data/server.key"
serve
is "$(ask /v1/health)" 200 "a new server key without its certificate is mended at the start"
cmp -s "$data/ca.pem" "$t/ca.before" && ok "and the CA is the same" || bad "and the CA is the same"

# --- a club that was restored from a backup ----------------------------------------------------
python3 -c 'import sqlite3, sys; d, b = map(sqlite3.connect, sys.argv[1:]); d.backup(b)' "$data/club.db" "$t/backup.db"
key c; request c; C=$(code); enrol_body "$C" "$t/c.csr"
ask /v1/enrol -d "@$t/enrol.json" >/dev/null
"$club" approve --data "$data" all >/dev/null
is "$(ask /v1/enrol -d "@$t/enrol.json") $(word terminal)" "200 2" "a terminal joins after the backup"
word certificate >"$t/c.crt"
stop
rm -f "$data/club.db-wal" "$data/club.db-shm"; cp "$t/backup.db" "$data/club.db"
serve
key d; request d; D=$(code); enrol_body "$D" "$t/d.csr"
ask /v1/enrol -d "@$t/enrol.json" >/dev/null
"$club" approve --data "$data" all >/dev/null
is "$(ask /v1/enrol -d "@$t/enrol.json") $(word terminal)" "200 3" "a restored club never hands out a number, or its cards, again"
stop
# The same, and terminals.last is as old as the backup; but the forgotten terminal calls.
rm -f "$data/club.db-wal" "$data/club.db-shm" "$data/terminals.last"; cp "$t/backup.db" "$data/club.db"
serve
for _ in 1 2; do refused 403 unknown "a terminal that the club has forgotten is refused" /v1/sync --cert "$t/c.crt" --key "$t/c.key" -d "@$t/empty"; done
key e; request e; E=$(code); enrol_body "$E" "$t/e.csr"
ask /v1/enrol -d "@$t/enrol.json" >/dev/null
"$club" approve --data "$data" all >/dev/null
is "$(ask /v1/enrol -d "@$t/enrol.json") $(word terminal)" "200 3" "and its number goes to no other"
stop
mv "$data/ca.pem" "$t/ca.lost"; sum=$(sha256sum <"$data/ca.key")
command_is 1 "without ca.pem it does not start" "$club" serve --data "$data" --listen "127.0.0.1:$port"
grep -q 'ca.pem' "$t/answer" && ok "and says so" || bad "and says so"
is "$(sha256sum <"$data/ca.key")" "$sum" "and leaves the key that all terminals' certificates hang on"
mv "$t/ca.lost" "$data/ca.pem"
mv "$data/ca.key" "$t/"
"$club" serve --data "$data" --listen "127.0.0.1:$port" >"$t/answer" 2>&1 && bad "without ca.key it does not start" || { grep -q 'ca.key' "$t/answer" && ok "without ca.key it says so, and makes no new one" || bad "without ca.key it says so"; }
[ ! -e "$data/ca.key" ] || bad "a new CA key was made"

#!/bin/bash
# programme_tool.sh - vafa-programme as the writer of a club's rules uses it: every starter, right and
# wrong documents, both languages, and signatures that openssl and Python make and check. TAP.
set -u
: "${BUILD:=build/sim-release}"
tool=$BUILD/vafa-programme
starters=programmes/starters
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

. tests/support/tap.sh
# status N COMMAND...: ends with N, and its words are kept for `says`
status() {
    local want=$1 got
    shift
    "$@" >"$dir/words" 2>&1
    got=$?
    cat "$dir/words"
    [ $got -eq "$want" ] || { echo "ended with $got, not $want"; false; }
}
says() { for word in "$@"; do grep -qF -- "$word" "$dir/words" || { echo "does not say: $word"; return 1; }; done; }

# --- starters ---------------------------------------------------------------------------------
[ "$(ls $starters/*.examples.json | wc -l)" -eq 11 ] || { echo "not ok eleven_starters_have_examples"; failed=1; }
for examples in $starters/*.examples.json; do
    programme=${examples%.examples.json}.json
    name=$(basename "$programme" .json | tr - _)
    check "starter_${name}_loads_without_a_warning" eval 'status 0 $tool check $programme --today 1405-06-01 && says " 0 warnings"'
    check "starter_${name}_does_what_its_examples_say" eval '
        $tool test $examples $programme | tee "$dir/tap" && [ "$(grep -c "^ok" "$dir/tap")" -ge 6 ] && ! grep -q "^not ok" "$dir/tap"'
    check "starter_${name}_shows_in_both_languages" eval '
        $tool show $programme --lang en >"$dir/en" && $tool show $programme --lang fa >"$dir/fa" &&
        python3 - $programme "$dir/en" "$dir/fa" <<"END"
import json, re, sys
rules = json.load(open(sys.argv[1]))["rules"]
english, persian = open(sys.argv[2]).read(), open(sys.argv[3]).read()
for rule in rules:
    for text in english, persian:
        line = re.search(r"^  " + rule["id"] + ": (.*)$", text, re.M)
        assert line, "no line for " + rule["id"]
        assert not re.search(r"[{}\[\]]|\"var\"", line[1]), "JSON in: " + line[1]
    if "say" in rule:
        assert rule["say"]["en"] in english and rule["say"]["fa"] in persian
assert re.search("[۰-۹]", persian) and not re.search(r"(?<![A-Za-z-])[0-9]+ (تومان|امتیاز|درصد)", persian)
END'
done
check "an_example_that_is_wrong_fails_with_the_difference" eval '
    sed "s/\"award\": 22/\"award\": 23/" $starters/gym.examples.json >"$dir/wrong.json" &&
    status 1 $tool test "$dir/wrong.json" $starters/gym.json && says "not ok 1 - the gold plan is bought" "# step 1, award: expected 23, got 22"'
check "an_example_that_expects_nothing_is_refused" eval '
    sed "s/\"expect\": {\"due\": \"500,000 toman\", \"award\": 22, \"mark\": \"gold-plan\"}/\"comment\": \"\"/" $starters/gym.examples.json >"$dir/wrong.json" &&
    status 2 $tool test "$dir/wrong.json" $starters/gym.json'
check "an_example_with_a_field_that_is_not_known_is_refused" eval '
    sed "s/\"award\": 22/\"awrad\": 22/" $starters/gym.examples.json >"$dir/wrong.json" &&
    status 2 $tool test "$dir/wrong.json" $starters/gym.json && says "Example 1" "awrad is unknown"'

# --- show and try -----------------------------------------------------------------------------
check "a_condition_is_a_sentence" eval '
    status 0 $tool show $starters/grocery.json --lang en &&
    says "festival: When today is in festival (1 to 10 Mehr 1405): 40 percent off the basket, at most 2,000,000 toman." \
         "base: Always: 10 points for each full 100,000 toman of the basket." "Once a year for each card."'
check "in_persian_with_persian_digits_and_jalali_dates" eval '
    status 0 $tool show $starters/grocery.json --lang fa &&
    says "festival: اگر امروز در festival (۱ تا ۱۰ مهر ۱۴۰۵) باشد: ۴۰ درصد تخفیف از کل خرید، حداکثر ۲٬۰۰۰٬۰۰۰ تومان."'
# rewrite PATTERN REPLACEMENT [FILE]: the cafe's programme with one thing changed, in $dir/p.json
rewrite() { sed "s/$1/$2/" "${3:-$starters/cafe.json}" >"$dir/p.json" && ! cmp -s "$dir/p.json" "${3:-$starters/cafe.json}"; }
check "a_strange_condition_is_a_formula_not_json" eval '
    rewrite "{\"<\": \[{\"var\": \"card.stamps\"}, 3\]}" "{\"or\": [{\"==\": [{\"%\": [{\"var\": \"card.counter\"}, 10]}, 0]}, {\"!\": {\"<\": [{\"max\": [{\"+\": [{\"var\": \"card.points\"}, 1]}, 7]}, 3]}}]}" &&
    status 0 $tool show "$dir/p.json" && says "(the card'"'"'s transaction number % 10) is 0 or not (max((the number of points on the card + 1), 7) is less than 3)"'
# formula CONDITION WORDS: a rule with this condition is shown with these words
formula() {
    python3 -c "
import json, sys
programme = json.load(open(sys.argv[1])); programme[\"rules\"][0][\"when\"] = json.loads(sys.argv[2])
json.dump(programme, open(sys.argv[3], \"w\"))" $starters/grocery.json "$1" "$dir/p.json" && status 0 $tool show "$dir/p.json" --lang en && says "base: When $2: 10 points"
}
amount='{"var": "sale.amount"}' visits='{"var": "history.visits"}'
check "an_amount_in_a_formula_keeps_its_unit" eval '
    formula "{\">=\": [{\"/\": [$amount, 2]}, 1000000]}" "(the basket ÷ 2) is at least 100,000 toman" &&
    formula "{\">\": [$amount, {\"+\": [{\"var\": \"history.mean_basket\"}, 1000000]}]}" "the basket is more than (the mean basket + 100,000 toman)" &&
    formula "{\">=\": [$amount, {\"if\": [{\"var\": \"history.known\"}, 500000, 1000000]}]}" "the basket is at least (if the card'"'"'s history is known: 50,000 toman, else 100,000 toman)" &&
    formula "{\"if\": [{\"var\": \"on.festival\"}, {\"var\": \"code.nowruz\"}, {\">\": [$amount, 2500000]}]}" "(if today is in festival (1 to 10 Mehr 1405): the code NOWRUZ1405 is given, else the basket is more than 250,000 toman)"'
check "a_number_that_is_taken_for_an_amount_is_said_to_be_rials" eval '
    formula "{\">=\": [$amount, {\"*\": [$visits, 1000000]}]}" "the basket is at least (the number of earlier visits × 1,000,000) in rials" &&
    formula "{\">=\": [$amount, $visits]}" "the basket is at least the number of earlier visits in rials"'
check "try_tells_the_arithmetic_in_both_languages" eval '
    status 0 $tool try $starters/grocery.json --amount 250,000toman --at "1405-07-03 18:30" --visits 5 --last-visit 1405-06-20 --mean-interval 10 --mean-basket 50000toman &&
    says "festival: 40 percent off 250,000 toman, at most 2,000,000 toman = 100,000 toman" "bigger-basket: 20 percent of 150,000 toman back as credit = 30,000 toman" \
         "To pay = 150,000 toman" "قابل پرداخت = ۱۵۰٬۰۰۰ تومان"'
check "the_cafes_first_order_says_two_more" eval '
    status 0 $tool try $starters/cafe.json --amount 100,000toman --at "1405-06-10 12:00" &&
    says "2 more stamps to: The fourth order is on us" "۲ مهر دیگر تا: سفارش چهارم مهمان ما"'
check "every_option_of_try_reaches_the_plan" eval '
    status 0 $tool try $starters/grocery.json --lang en --at "1405-08-15 09:00" --line dairy=100,000tomanx2 --line gift-card=1000000 --points 30 --redeem 10 --credit 50,000toman --pay-credit 20,000toman --tier gold --code NOWRUZ1405 --visits 3 --last-visit 1405-08-01 --period-earned 100 --mark bigger --kind member --birthday 1370-12-30 --wedding 1390-01-01 --merchant 3 --branch 4 --period-spend 10,000toman &&
    says "Basket = 200,000 toman" "gold: 3 percent off 200,000 toman = 6,000 toman" "nowruz: 50,000 toman off 200,000 toman = 50,000 toman" "Paid with 10 points, each 100 toman = 1,000 toman" "Paid with credit = 20,000 toman" "To pay = 123,000 toman"'
check "an_example_can_be_tried_by_name" eval '
    status 0 $tool try $starters/insurer.json --lang en --examples $starters/insurer.examples.json --name "car and fire together give 100 points more" && says "Points earned = 160 points"'
check "a_refusal_says_why_in_both_languages" eval '
    status 1 $tool try $starters/hotel.json --amount 100,000toman --points 500 --redeem 5 --at "1405-06-10 12:00" && says "Refused: At least 100 points can be spent." "انجام نشد"'

# --- amounts: never ten times off ---------------------------------------------------------------
basket() { status 0 $tool try $starters/cafe.json --lang en --at "1405-06-10 12:00" --amount "$1" && says "Basket = $2"; }
no_basket() { status "${3:-1}" $tool try $starters/cafe.json --at "1405-06-10 12:00" --amount "$1" && says "$2"; }
check "100_000_toman_are_a_million_rials" eval 'basket 100,000toman "100,000 toman" && basket 1,000,000rial "100,000 toman" && basket 1000000 "100,000 toman" && basket "1000000 rials" "100,000 toman"'
check "persian_digits_and_units_are_read" eval 'basket "۱۰۰٬۰۰۰ تومان" "100,000 toman" && basket "۱۰۰۰۰۰۰ریال" "100,000 toman"'
check "separators_need_a_unit" no_basket 1,000,000 "has no unit: write toman or rial behind it"
check "separators_stand_before_three_digits" eval 'no_basket 1,00toman "separator" && no_basket 1000,000toman "separator" && no_basket 1,000,00toman "separator" && no_basket 10,,000toman "separator"'
check "a_point_is_no_separator" no_basket 100.000toman "amounts are whole"
check "another_unit_is_refused" no_basket 100dollar "unknown unit"
check "too_much_and_nothing_are_refused" eval 'no_basket 6871947673600000 "more than a card can hold" && no_basket 6,871,947,674toman "more than a card can hold" && no_basket 0 "more than 0" && no_basket -5 "is no amount"'
check "a_day_that_is_not_in_the_calendar_is_refused" eval 'status 1 $tool try $starters/cafe.json --amount 1 --at "1405-12-30 12:00" && says "no day of the Jalali calendar"'

# --- errors and warnings ------------------------------------------------------------------------
# refuses WORDS...: the document in $dir/p.json, with line, rule, field
refuses() { status 1 $tool check "$dir/p.json" && says "$@"; }
check "a_wrong_percent_names_line_rule_and_field" eval 'rewrite "\"percent\": 100" "\"percent\": 140" && refuses "line 25, rule free: do.rebate.percent must be a percent from 0 to 100"'
check "an_unknown_fact_has_a_suggestion" eval 'rewrite "\"var\": \"card.stamps\"}, 3\]}, \"do\": {\"stamps\"" "\"var\": \"card.stamp\"}, 3]}, \"do\": {\"stamps\"" && refuses "line 24, rule stamp" "did you mean \"card.stamps\"?"'
check "an_unknown_tier_has_a_suggestion" eval 'rewrite "\"gold\"\]}, \"do\"" "\"glod\"]}, \"do\"" $starters/grocery.json && refuses "rule gold" "\"glod\"" "did you mean \"gold\"?"'
check "a_missing_field_is_named" eval 'rewrite "\"unit\": \"toman\"," "" && refuses "unit must be one of: toman rial"'
check "what_is_no_json_names_the_line" eval 'rewrite "\"stacking\": {" "\"stacking\": " && refuses "line 12"'
check "a_file_that_is_not_there" eval 'status 2 $tool check "$dir/none.json" && says "No such file"'
check "a_rule_that_can_never_hold_is_warned_of" eval '
    rewrite "{\">=\": \[{\"var\": \"card.stamps\"}, 3\]}" "{\"and\": [{\">=\": [{\"var\": \"card.stamps\"}, 3]}, {\"<\": [{\"var\": \"card.stamps\"}, 3]}]}" &&
    status 0 $tool check "$dir/p.json" && says "warning: rule free can never hold" "1 warning"'
check "beyond_what_a_fact_can_be_never_holds" eval 'rewrite "\"card.stamps\"}, 3\]}, \"do\": {\"rebate\"" "\"card.stamps\"}, 16]}, \"do\": {\"rebate\"" && status 0 $tool check "$dir/p.json" && says "warning: rule free can never hold"'
check "two_tiers_at_once_never_hold" eval '
    rewrite "{\"==\": \[{\"var\": \"member.tier\"}, \"gold\"\]}" "{\"and\": [{\"==\": [{\"var\": \"member.tier\"}, \"gold\"]}, {\"in\": [{\"var\": \"member.tier\"}, [\"silver\", \"bronze\"]]}]}" $starters/grocery.json &&
    status 0 $tool check "$dir/p.json" --today 1405-06-01 && says "warning: rule gold can never hold"'
check "neither_on_nor_off_never_holds" eval '
    rewrite "{\"var\": \"on.festival\"}" "{\"and\": [{\"var\": \"on.festival\"}, {\"!\": {\"var\": \"on.festival\"}}]}" $starters/grocery.json && status 0 $tool check "$dir/p.json" --today 1405-06-01 && says "warning: rule festival can never hold"'
check "what_one_branch_allows_is_not_warned_of" eval '
    rewrite "{\"var\": \"on.festival\"}" "{\"or\": [{\">\": [{\"var\": \"card.stamps\"}, 15]}, {\"==\": [{\"var\": \"member.tier\"}, \"gold\"]}]}" $starters/grocery.json &&
    sed -i "s/\"marks\", \"codes\"/\"marks\", \"codes\", \"stamps\"/" "$dir/p.json" && status 0 $tool check "$dir/p.json" --today 1405-06-01 && ! says "rule festival can never hold" && says "warning: calendar festival is not used by any rule"'
check "unused_entries_are_warned_of" eval '
    rewrite "\"rules\": \[" "\"rules\": []}" $starters/grocery.json; sed -i "/\"rules\": \[\]}/q" "$dir/p.json"; status 0 $tool check "$dir/p.json" --today 1405-06-01 &&
    says "mark nowruz is not used" "mark bigger is not used" "product dairy is not used" "calendar festival is not used" "code nowruz is not used" && ! says "gift-card"'
check "a_calendar_that_is_over_is_warned_of" eval 'status 0 $tool check $starters/grocery.json --today 1405-07-11 && says "calendar festival is over; its last day was 10 Mehr 1405"'
check "not_on_its_last_day" eval 'status 0 $tool check $starters/grocery.json --today 1405-07-10 && says " 0 warnings"'
check "wrong_use_is_said" eval '
    status 2 $tool frob && says "\"frob\" is no command" && status 2 $tool check && says "takes 1 file" && status 2 $tool check a b && says "one more" &&
    status 2 $tool show x --frob 1 && says "no option --frob" && status 2 $tool show x --lang de && says "fa or en" && status 2 $tool sign $starters/cafe.json && says "--key" &&
    status 2 $tool try $starters/cafe.json --points many && says "whole number" && status 0 $tool --help && says "usage:"'

# --- signatures -----------------------------------------------------------------------------------
# jws sign KEY DOCUMENT | verify PUBLIC JWS | open JWS: RFC 7515 by openssl and a few lines of Python
cat >"$dir/jws.py" <<'END'
import base64, hashlib, json, re, subprocess, sys, tempfile
url = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=")
raw = lambda t: base64.urlsafe_b64decode(t + b"=" * (-len(t) % 4))
def openssl(*a, data=b""): return subprocess.run(("openssl",) + a, input=data, stdout=subprocess.PIPE, check=True).stdout
def number(b): b = b.lstrip(b"\0"); b = b"\0" * (not b or b[0] > 127) + b; return b"\2" + bytes([len(b)]) + b
kept = []
def file(data): f = tempfile.NamedTemporaryFile(); f.write(data); f.flush(); kept.append(f); return f
if sys.argv[1] == "verify":
    head, body, mark = open(sys.argv[3], "rb").read().strip().split(b".")
    r_s = raw(mark); assert len(r_s) == 64
    both = number(r_s[:32]) + number(r_s[32:]); der = b"\x30" + bytes([len(both)]) + both
    sys.stdout.write(openssl("dgst", "-sha256", "-verify", sys.argv[2], "-signature", file(der).name, file(head + b"." + body).name).decode())
    header = json.loads(raw(head)); assert sorted(header) == ["alg", "kid", "typ"] and header["alg"] == "ES256" and header["typ"] == "vafa-programme", header
    point = openssl("pkey", "-pubin", "-in", sys.argv[2], "-outform", "DER")[-64:]
    jwk = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (url(point[:32]).decode(), url(point[32:]).decode())
    assert header["kid"] == url(hashlib.sha256(jwk.encode()).digest()).decode()  # RFC 7638
    sys.stdout.buffer.write(raw(body)) if len(sys.argv) > 4 else None
else:
    point = openssl("pkey", "-in", sys.argv[2], "-pubout", "-outform", "DER")[-64:]
    jwk = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (url(point[:32]).decode(), url(point[32:]).decode())
    header = '{"alg":"ES256","kid":"%s","typ":"%s"}' % (url(hashlib.sha256(jwk.encode()).digest()).decode(), sys.argv[4] if len(sys.argv) > 4 else "vafa-programme")
    signed = url(header.encode()) + b"." + url(open(sys.argv[3], "rb").read())
    der = openssl("dgst", "-sha256", "-sign", sys.argv[2], file(signed).name)
    at = 2; parts = []
    for _ in range(2):
        n = der[at + 1]; parts.append(int.from_bytes(der[at + 2:at + 2 + n], "big").to_bytes(32, "big")); at += 2 + n
    sys.stdout.write((signed + b"." + url(parts[0] + parts[1])).decode())
END
jws() { python3 "$dir/jws.py" "$@"; }
check "a_key_is_made_for_its_owner_alone" eval '$tool key "$dir/club.key" && [ "$(stat -c %a "$dir/club.key")" = 600 ]'
check "a_key_is_never_overwritten" eval 'cp "$dir/club.key" "$dir/copy" && status 1 $tool key "$dir/club.key" && says "never overwritten" && cmp "$dir/copy" "$dir/club.key"'
check "openssl_reads_the_key_and_gives_the_same_public_one" eval '$tool public "$dir/club.key" >"$dir/club.pub" && openssl pkey -in "$dir/club.key" -pubout | cmp - "$dir/club.pub"'
check "openssl_verifies_our_signature" eval '$tool sign --key "$dir/club.key" $starters/grocery.json -o "$dir/signed" && jws verify "$dir/club.pub" "$dir/signed" | grep -x "Verified OK"'
check "the_signed_document_is_the_file_byte_for_byte" eval 'jws verify "$dir/club.pub" "$dir/signed" document | tail -n +2 | cmp - $starters/grocery.json && $tool show "$dir/signed" --document | cmp - $starters/grocery.json'
check "we_accept_a_signature_that_openssl_made" eval 'jws sign "$dir/club.key" $starters/cafe.json >"$dir/theirs" && status 0 $tool show "$dir/theirs" --public "$dir/club.pub" && says "Its signature is right"'
check "and_one_by_a_key_that_openssl_made" eval '
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/other.key" && openssl pkey -in "$dir/other.key" -pubout -out "$dir/other.pub" &&
    status 0 $tool sign --key "$dir/other.key" $starters/cafe.json -o "$dir/other" && status 0 $tool show "$dir/other" --public "$dir/other.pub" && jws verify "$dir/other.pub" "$dir/other" | grep -x "Verified OK"'
check "another_key_is_refused" eval 'status 1 $tool show "$dir/signed" --public "$dir/other.pub" && status 1 $tool check "$dir/signed" --public "$dir/other.pub"'
check "a_changed_byte_is_refused_anywhere" eval '
    for at in 0.03 0.4 0.7 0.99; do python3 -c "
import sys
text = open(sys.argv[1]).read().strip(); at = int(len(text) * $at)
at += text[at] == \".\"
open(sys.argv[2], \"w\").write(text[:at] + (\"A\" if text[at] != \"A\" else \"B\") + text[at + 1:])" "$dir/signed" "$dir/changed" &&
    status 1 $tool show "$dir/changed" --public "$dir/club.pub" || exit 1; done'
check "a_signature_for_another_purpose_is_refused" eval 'jws sign "$dir/club.key" $starters/cafe.json vafa-hotlist >"$dir/theirs" && status 1 $tool show "$dir/theirs" --public "$dir/club.pub"'
check "an_unsigned_file_is_refused_where_a_key_is_given" eval 'status 1 $tool show $starters/cafe.json --public "$dir/club.pub" && says "is not signed"'
check "without_a_key_show_says_that_nothing_was_checked" eval 'status 0 $tool show "$dir/signed" && says "NOT checked"'
check "a_wrong_programme_is_not_signed" eval 'rewrite "\"percent\": 100" "\"percent\": 140" && status 1 $tool sign --key "$dir/club.key" "$dir/p.json" -o "$dir/bad" && says "line 25, rule free" && [ ! -e "$dir/bad" ]'
check "a_signed_programme_is_not_signed_again" eval 'status 1 $tool sign --key "$dir/club.key" "$dir/signed" && says "signed already"'
check "a_public_key_does_not_sign" eval 'status 1 $tool sign --key "$dir/club.pub" $starters/cafe.json'
check "examples_are_tested_against_a_signed_programme" eval 'status 0 $tool test $starters/grocery.examples.json "$dir/signed" --public "$dir/club.pub"'
exit $failed

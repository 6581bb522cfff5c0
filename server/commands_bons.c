/* Commands about organisations' vouchers. */
#include <errno.h>
#include <string.h>

#include "server/bons.h"
#include "server/business_day.h"
#include "server/ca.h"
#include "server/command.h"
#include "server/signer.h"

/* Days since 1900-01-01, as a bon has them; 0: not a day that one can have. */
static uint16_t day_of(const char *text)
{
    struct fault ignored;
    int64_t day = 0;
    if (text == NULL || business_day_read(text, &day, &ignored) != ST_OK) {
        return 0;
    }
    day -= BUSINESS_DAY_MIN;
    return day >= 1 && day <= UINT16_MAX ? (uint16_t)day : 0;
}

/* What is to be made, by the options. */
static enum st series_given(struct club *club, struct bon_series *ret)
{
    const char *organisation = option(club, "--organisation"),
               *merchant = option(club, "--merchant");
    const char *amount = option(club, "--amount"), *count = option(club, "--count");
    *ret = (struct bon_series){
        .first = {.series = 1,
                  .serial = 1,
                  .amount = {amount == NULL ? 0 : number_of(amount)},
                  .first_day = day_of(option(club, "--from")),
                  .last_day = day_of(option(club, "--to"))},
        .count = count == NULL ? 0 : number_of(count),
    };
    const int64_t merchant_no = merchant == NULL ? 0 : number_of(merchant);
    ret->first.merchant = (uint32_t)merchant_no;
    if (organisation == NULL || organisation[0] == '\0' ||
        strlen(organisation) > BONS_ORGANISATION_MAX) {
        fault_say(&club->fault, "--organisation needs a name of 1 to %d bytes.",
                  BONS_ORGANISATION_MAX);
    } else if (ret->first.amount.rials < 1 || ret->first.amount.rials > BON_AMOUNT_MAX) {
        fault_say(&club->fault, "--amount is in rials, 1 to %lld.", (long long)BON_AMOUNT_MAX);
    } else if (ret->count < 1 || ret->count > BONS_COUNT_MAX) {
        fault_say(&club->fault, "--count is a number from 1 to %d.", BONS_COUNT_MAX);
    } else if (ret->first.first_day == 0 || ret->first.last_day < ret->first.first_day) {
        fault_say(&club->fault, "--from and --to are days as 2026-11-22 or 1405-09-01, to "
                                "2079-06-05, --to not before --from.");
    } else if (merchant != NULL && (merchant_no < 1 || merchant_no > BON_NUMBER_MAX)) {
        fault_say(&club->fault, "--merchant needs a merchant's number.");
    } else {
        memcpy(ret->organisation, organisation, strlen(organisation) + 1);
        return ST_OK;
    }
    return ST_FOREIGN;
}

static enum st write_to(struct club *club, const struct bon_series *series,
                        const struct signer *signer)
{
    const char *path = option(club, "--out");
    FILE *file = path == NULL ? stdout : fopen(path, "wxe");
    if (file == NULL) {
        fault_say(&club->fault, "Cannot make %.100s: %s.", path, strerror(errno));
        return ST_IO;
    }
    enum st st = bons_write(series, signer, file, &club->fault);
    if ((path == NULL ? fflush(file) : fclose(file)) != 0 && st == ST_OK) {
        fault_say(&club->fault,
                  "The vouchers are not all written: make room, and do it again with "
                  "--series %lld.",
                  (long long)series->number);
        st = ST_IO;
    }
    return st;
}

static enum st club_bon_make(struct club *club)
{
    const char *again = option(club, "--series");
    struct bon_series series = {.number = again == NULL ? 0 : number_of(again)};
    struct signer *signer = NULL;
    if (again != NULL && series.number == 0) {
        fault_say(&club->fault, "--series needs the number of a series that was made.");
        return ST_FOREIGN;
    }
    enum st st = again != NULL ? ST_OK : series_given(club, &series);
    if (st == ST_OK) {
        st = signer_make(club->data, &club->fault);
    }
    if (st == ST_OK) {
        st = signer_open(club->data, option(club, "--key"), &signer, &club->fault);
    }
    if (st == ST_OK) {
        st = bons_series(club->db, &series, club->now_s, &club->fault);
    }
    if (st == ST_OK) {
        st = write_to(club, &series, signer);
    }
    if (st == ST_OK) {
        fprintf(stderr, "Series %lld of %s: %lld vouchers of %lld rials each.\n",
                (long long)series.number, series.organisation, (long long)series.count,
                (long long)series.first.amount.rials);
    }
    signer_close(signer);
    return st;
}

static enum st club_bon_list(struct club *club)
{
    return bons_list(club->db, has_option(club, "--json"), stdout);
}

static enum st club_bon_used(struct club *club)
{
    const int64_t series = number_of(argument(club, 0));
    if (series == 0) {
        fault_say(&club->fault, "SERIES is a number: vafa-club bon list shows them.");
        return ST_FOREIGN;
    }
    return bons_used(club->db, series, has_option(club, "--json"), stdout);
}

const struct command commands_bons[] = {
    {"bon make",
     "[--organisation NAME] [--amount RIALS] [--count N] [--from DATE] [--to DATE] [--merchant N] "
     "[--series N] [--key FILE] [--out FILE]",
     "vouchers of an organisation, a line each; --series: those of one that was made, again; "
     "--key: the club's key, when it is kept elsewhere",
     club_bon_make, true},
    {"bon list", "[--json]", "what was made, used, given back, used twice", club_bon_list, false},
    {"bon used", "SERIES [--json]", "who took them, and for which receipt", club_bon_used, false},
    {0},
};

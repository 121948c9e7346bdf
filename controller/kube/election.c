/*
 * What this process does about the Lease, as a follower and as a leader:
 *
 *        +--- held by another, failed ---+
 *        v                               |
 *     RESTING -------- time -------> LOOKING <-------- start
 *      ^   |                             | nobody's, missing, run out, ours
 *      |   |                             v
 *      |   +----- time, run out -----> TAKING
 *      +----- 409, failed, too late -----+
 *      |                                 | 2xx before the deadline: a term begins
 *  - - | - - - - - - - - - - - - - - - - | - - - - - - - - - - - - - - - - - - - - - - - - - -
 *      |                                 v           still ours: once more at once, then later
 *      |                              RESTING <---- 2xx ---- RENEWING <-------+
 *      |                                 |  ^                 ^   |           |
 *      |                                 |  |   time          |   | not 2xx   |
 *      |                                 +--|-----------------+   v           |
 *      |                                    +----- failed ----- LOOKING ------+
 *      +---- another's, or the deadline in whatever state: the term ends
 *
 *     withdrawn: what is under way ends, then RELEASING when it leads, then ENDED
 */

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/election_private.h"

#include <inttypes.h>

enum { MS_PER_SECOND = 1000, PERCENT = 100 };

struct result election_check_times(const struct election_times *times, struct error *error)
{
    if (times->lease_ms < MS_PER_SECOND || times->lease_ms % MS_PER_SECOND != 0) {
        return error_set(error, ERROR_INVALID,
                         "--lease-duration is %" PRId64 " ms: it must be whole seconds, at least "
                         "1s, because a Lease counts in seconds",
                         times->lease_ms);
    }
    if (times->lease_ms <= times->renew_ms) {
        return error_set(error, ERROR_INVALID,
                         "--lease-duration (%" PRId64 " ms) must be longer than --renew-deadline "
                         "(%" PRId64 " ms): else another replica may write before this one stops",
                         times->lease_ms, times->renew_ms);
    }
    if (times->retry_ms <= 0 ||
        times->renew_ms * PERCENT <= times->retry_ms * (PERCENT + ELECTION_JITTER_PERCENT)) {
        return error_set(error, ERROR_INVALID,
                         "--renew-deadline (%" PRId64 " ms) must be longer than 1.2 times "
                         "--retry-period (%" PRId64 " ms), which must be over 0: else leadership "
                         "ends before it can be renewed",
                         times->renew_ms, times->retry_ms);
    }
    return RESULT_OK;
}

struct election *election_new(const struct election_options *options)
{
    struct election *election = memory_allocate(1, sizeof(*election));
    election->options = *options;
    election->identity = memory_copy_text(options->identity);
    election->instance = memory_copy_text(options->instance);
    election->namespace = memory_copy_text(options->namespace);
    election->name = memory_copy_text(options->name);
    return election;
}

static void stop_timer(struct election *election, struct io_timer **timer)
{
    io_stop_timer(election->options.io, *timer);
    *timer = NULL;
}

struct election *election_free(struct election *election)
{
    if (!election) {
        return NULL;
    }
    election_cancel(election, &election->call);
    election_cancel(election, &election->event_call);
    stop_timer(election, &election->timer);
    stop_timer(election, &election->deadline_timer);
    stop_timer(election, &election->stop_timer);
    election_forget_observed(election);
    (void)memory_free(election->identity);
    (void)memory_free(election->instance);
    (void)memory_free(election->namespace);
    (void)memory_free(election->name);
    return memory_free(election);
}

/* Resting. */

/* Looks of a follower in one retry period. */
enum { FOLLOWER_LOOKS = 2 };

static void act(void *context);

static void rest_until(struct election *election, int64_t at_ms)
{
    election->state = STATE_RESTING;
    election->timer = io_start_timer(election->options.io, at_ms, act, election);
}

/*
 * A retry period with its jitter, or less when the Lease is free before. Who follows looks twice as
 * often as client-go's would: a Lease that is given back by a clean stop is found within 1.2 s, so
 * that somebody works again within 3 s on a busy machine too. It costs one small GET.
 */
static void rest(struct election *election)
{
    int64_t retry_ms = election->options.times.retry_ms / (election->leads ? 1 : FOLLOWER_LOOKS);
    uint64_t spread_ms = (uint64_t)(retry_ms * ELECTION_JITTER_PERCENT / PERCENT) + 1;
    int64_t now = election_now_ms(election);
    int64_t at_ms = now + retry_ms + (int64_t)(io_random(election->options.io) % spread_ms);
    int64_t free_ms = election_free_at_ms(election);
    if (!election->leads && election->observed.is_known && free_ms > now && free_ms < at_ms) {
        at_ms = free_ms;
    }
    rest_until(election, at_ms);
}

/* Beginning and ending to lead. */

static void change(struct election *election, bool leads)
{
    election->leads = leads;
    election->transitions++;
    election->renews_again = false;
    if (!election->is_withdrawn) {
        election->options.on_change(election->options.context, leads);
    }
}

/* The term ends; what is under way for the Lease is left to itself. */
static void step_down(struct election *election, const char *why)
{
    lease_lose(election->options.lease);
    stop_timer(election, &election->deadline_timer);
    stop_timer(election, &election->timer);
    election_cancel(election, &election->call);
    log_warning("leadership lost, dropping what was not sent and going on as a follower",
                LOG_TEXT("why", why), LOG_TEXT("lease", election->name),
                LOG_TEXT("holder", text_or(election->observed.holder, "")));
    change(election, false);
    rest(election);
}

static void fire_deadline(void *context);

static int64_t deadline_of(const struct election *election, int64_t sent_ms)
{
    return sent_ms + election->options.times.renew_ms;
}

static void arm_deadline(struct election *election, int64_t deadline_ms)
{
    stop_timer(election, &election->deadline_timer);
    election->deadline_timer = io_start_timer(election->options.io, deadline_ms, fire_deadline,
                                              election);
}

/* True when the term is over by time: then it has been ended. */
static bool is_overdue(struct election *election)
{
    if (!election->leads || election->is_withdrawn || lease_allows_write(election->options.lease)) {
        return false;
    }
    step_down(election, "the Lease was not renewed in time");
    return true;
}

static void fire_deadline(void *context)
{
    struct election *election = context;
    election->deadline_timer = NULL;
    (void)is_overdue(election);
}

static void begin_term(struct election *election, const char *before)
{
    int64_t deadline_ms = deadline_of(election, election->sent_ms);
    lease_win(election->options.lease, deadline_ms);
    arm_deadline(election, deadline_ms);
    bool is_first = text_is_empty(before) || text_equal(before, election->identity);
    CLEANUP(memory_free_indirect)
    char *note = is_first ? memory_print("%s became leader", election->identity)
                          : memory_print("%s became leader in place of %s, which stopped renewing",
                                         election->identity, before);
    log_info("this process leads now, planning everything anew after a fresh look",
             LOG_TEXT("lease", election->name), LOG_TEXT("identity", election->identity),
             LOG_TEXT("before", text_or(before, "")),
             LOG_INTEGER("transitions", election->observed.transitions));
    election_announce(election, note);
    rest(election);
    change(election, true);
}

/* Answers. */

static void answer_look_of_follower(struct election *election)
{
    if (election_free_at_ms(election) <= election_now_ms(election)) {
        election_take(election);
    } else {
        rest(election);
    }
}

static void answer_look_of_leader(struct election *election, enum error_kind error)
{
    if (error == ERROR_NONE && !election_is_ours(election)) {
        step_down(election, "another holder is written in the Lease");
        return;
    }
    if (election->renews_again && (error == ERROR_NONE || error == ERROR_NOT_FOUND)) {
        election->renews_again = false;
        election_renew(election);
        return;
    }
    rest(election);
}

static void answer_look(struct election *election, enum error_kind error,
                        const struct lease_record *record)
{
    if (error == ERROR_NONE) {
        election_observe(election, record);
    } else if (error == ERROR_NOT_FOUND) {
        election_observe_missing(election);
    }
    if (election->leads) {
        answer_look_of_leader(election, error);
    } else if (error == ERROR_NONE || error == ERROR_NOT_FOUND) {
        answer_look_of_follower(election);
    } else {
        rest(election);
    }
}

static void answer_take(struct election *election, enum error_kind error,
                        const struct lease_record *record)
{
    if (error != ERROR_NONE) {
        /* Somebody was faster, or it is not known: the next look tells. */
        election->observed.is_known = false;
        rest(election);
        return;
    }
    CLEANUP(memory_free_indirect)
    char *before = memory_copy_text(election->observed.holder);
    election_observe(election, record);
    if (election_now_ms(election) >= deadline_of(election, election->sent_ms)) {
        rest(election); /* too late to be of use: it is ours, so the next look takes it again */
        return;
    }
    begin_term(election, before);
}

static void answer_renew(struct election *election, enum error_kind error,
                         const struct lease_record *record)
{
    if (error != ERROR_NONE) {
        election_look(election);
        return;
    }
    election_observe(election, record);
    int64_t deadline_ms = deadline_of(election, election->sent_ms);
    lease_renew(election->options.lease, deadline_ms);
    if (is_overdue(election)) {
        return;
    }
    arm_deadline(election, deadline_ms);
    rest(election);
}

static void go_on_withdrawn(struct election *election, enum state ended, enum error_kind error,
                            const struct lease_record *record);

void election_take_answer(void *context, const struct io_response *response)
{
    struct election *election = context;
    CLEANUP(arena_free) struct arena arena = {0};
    struct lease_record record = {0};
    enum state state = election->state;
    election->call = NULL;
    enum error_kind error = election_read_answer(election, response, &arena, &record);
    if (election->is_withdrawn) {
        go_on_withdrawn(election, state, error, &record);
        return;
    }
    if (is_overdue(election)) {
        return;
    }
    switch (state) {
    case STATE_LOOKING:
        answer_look(election, error, &record);
        break;
    case STATE_TAKING:
        answer_take(election, error, &record);
        break;
    default:
        REQUIRE(state == STATE_RENEWING);
        answer_renew(election, error, &record);
    }
}

/* The rest is over. */
static void act(void *context)
{
    struct election *election = context;
    election->timer = NULL;
    if (is_overdue(election)) {
        return;
    }
    if (election->leads) {
        election->renews_again = true;
        election_renew(election);
        return;
    }
    /* Run out while resting: the lock tells if it was renewed since the last look. */
    const struct observed *observed = &election->observed;
    bool has_run_out = observed->is_known && observed->exists &&
                       election_free_at_ms(election) <= election_now_ms(election);
    if (has_run_out) {
        election_take(election);
    } else {
        election_look(election);
    }
}

void election_start(struct election *election)
{
    REQUIRE(election->state == STATE_IDLE);
    log_info("waiting to lead", LOG_TEXT("namespace", election->namespace),
             LOG_TEXT("lease", election->name), LOG_TEXT("identity", election->identity));
    rest_until(election, election_now_ms(election));
}

/* A clean stop. */

static void end(struct election *election)
{
    stop_timer(election, &election->stop_timer);
    election_cancel(election, &election->call);
    election_cancel(election, &election->event_call);
    election->state = STATE_ENDED;
    election->leads = false;
    election->done(election->done_context);
}

static void fire_stop(void *context)
{
    struct election *election = context;
    election->stop_timer = NULL;
    if (election->leads) {
        log_warning("the Lease was not given back in time, another replica takes it when it runs "
                    "out",
                    LOG_TEXT("lease", election->name));
    }
    end(election);
}

/* An answer after the withdrawal: of what was under way, or of the release itself. */
static void go_on_withdrawn(struct election *election, enum state ended, enum error_kind error,
                            const struct lease_record *record)
{
    if (error == ERROR_NONE) {
        election_observe(election, record);
    }
    election->state = STATE_RESTING;
    if (ended == STATE_RELEASING) {
        if (error == ERROR_NONE) {
            log_info("leadership given back, another replica takes it at its next look",
                     LOG_TEXT("lease", election->name));
            election->leads = false;
        }
        end(election);
        return;
    }
    /* One that was just taken is ours as well, though nothing was written under it. */
    election->leads = election->leads || (ended == STATE_TAKING && error == ERROR_NONE);
    if (!election->done) {
        return;
    }
    if (election->leads && election_is_ours(election)) {
        election_give_back(election);
    } else {
        end(election);
    }
}

void election_withdraw(struct election *election)
{
    election->is_withdrawn = true;
    lease_lose(election->options.lease);
    if (election->state == STATE_LOOKING) {
        election_cancel(election, &election->call);
        election->state = STATE_RESTING;
    }
    stop_timer(election, &election->timer);
    stop_timer(election, &election->deadline_timer);
}

void election_release(struct election *election, void (*done)(void *context), void *context)
{
    REQUIRE(election->is_withdrawn && !election->done);
    election->done = done;
    election->done_context = context;
    bool gives_back = !election->call && election->leads && election_is_ours(election);
    bool waits = election->call || gives_back;
    int64_t limit_ms = waits ? ELECTION_STOP_MS : 0;
    election->stop_timer = io_start_timer(
        election->options.io, election_now_ms(election) + limit_ms, fire_stop, election);
    if (gives_back) {
        election_give_back(election);
    }
}

struct election_numbers election_numbers(const struct election *election)
{
    return (struct election_numbers){.leads = election->leads,
                                     .transitions = election->transitions};
}

/* The loop: order of timers, the turn's end, the quiet moment, other threads, jobs, signals, slow turns. */
#include "rig.h"

#include "base/limits.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- timers ---- */

struct numbered {
    struct timer timer;
    int          number;
    int64_t      due;
};

static int     fired_numbers[1000];
static size_t  fired_count;
static int64_t fired_last_due;
static struct timer *stop_too;

static void note_number(struct timer *timer)
{
    fired_numbers[fired_count++] = ((struct numbered *)(void *)timer)->number;
}

static void timers_fire_in_order_of_due_time(void **state)
{
    struct clock_manual clock;
    struct rig rig;
    static const int after[] = { 30, 10, 20, 0, 25 };
    struct numbered timers[5];

    (void)state;
    clock_manual_init(&clock, 0);
    rig_init(&rig, &clock.clock);
    fired_count = 0;
    for (int i = 0; i < 5; i++) {
        timers[i].number = after[i];
        timer_init(&timers[i].timer, rig.loop, note_number);
        timer_start(&timers[i].timer, after[i]);
    }
    loop_turn(rig.loop, false);
    assert_int_equal(fired_count, 1);
    clock_manual_advance(&clock, 24);
    loop_turn(rig.loop, true); /* does not wait: some are due */
    assert_int_equal(fired_count, 3);
    assert_true(timers[0].timer.running);
    assert_false(timers[1].timer.running);
    timer_start(&timers[4].timer, 0); /* moved: 24 instead of 25 */
    loop_turn(rig.loop, false);
    assert_int_equal(fired_count, 4);
    clock_manual_advance(&clock, 6);
    loop_turn(rig.loop, false);
    static const int wanted[] = { 0, 10, 20, 25, 30 };
    assert_int_equal(fired_count, 5);
    assert_memory_equal(fired_numbers, wanted, sizeof(wanted));
    rig_release(&rig);
}

static void note_due(struct timer *timer)
{
    struct numbered *numbered = (struct numbered *)(void *)timer;

    assert_true(numbered->due >= fired_last_due);
    assert_true(numbered->due <= loop_now_ms(timer->loop));
    fired_last_due = numbered->due;
    fired_count++;
}

static void a_thousand_timers_survive_random_moves(void **state)
{
    struct clock_manual clock;
    struct rig rig;
    struct numbered *timers = calloc(1000, sizeof(*timers));
    size_t running = 0;
    int64_t now = 0;

    (void)state;
    assert_non_null(timers);
    clock_manual_init(&clock, 0);
    rig_init(&rig, &clock.clock);
    now = clock_mono_ms(&clock.clock);
    srand(7);
    for (int i = 0; i < 1000; i++)
        timer_init(&timers[i].timer, rig.loop, note_due);
    for (int i = 0; i < 20000; i++) {
        struct numbered *one = &timers[rand() % 1000];
        if (rand() % 3 == 0) {
            timer_stop(&one->timer);
        } else {
            int after = 1 + rand() % 500;
            one->due = now + after;
            timer_start(&one->timer, after);
        }
    }
    for (int i = 0; i < 1000; i++)
        running += timers[i].timer.running;
    fired_count = 0;
    fired_last_due = 0;
    for (int i = 0; i < 51; i++) {
        clock_manual_advance(&clock, 10);
        loop_turn(rig.loop, false);
    }
    assert_int_equal(fired_count, running);
    for (int i = 0; i < 1000; i++)
        assert_false(timers[i].timer.running);
    free(timers);
    rig_release(&rig);
}

static void stop_another(struct timer *timer)
{
    (void)timer;
    fired_count++;
    timer_stop(stop_too);
}

static void a_timer_stopped_by_another_does_not_fire(void **state)
{
    struct clock_manual clock;
    struct rig rig;
    struct timer first, second;

    (void)state;
    clock_manual_init(&clock, 0);
    rig_init(&rig, &clock.clock);
    timer_init(&first, rig.loop, stop_another);
    timer_init(&second, rig.loop, stop_another);
    timer_start(&second, 6);
    timer_start(&first, 5);
    stop_too = &second;
    fired_count = 0;
    clock_manual_advance(&clock, 100);
    loop_turn(rig.loop, false);
    assert_int_equal(fired_count, 1);
    timer_stop(&second); /* twice is fine */
    rig_release(&rig);
}

static void start_again(struct timer *timer)
{
    fired_count++;
    timer_start(timer, 0);
}

static void a_timer_that_starts_itself_does_not_hold_the_loop(void **state)
{
    struct rig rig;
    struct timer timer, others[20];

    (void)state;
    rig_init(&rig, clock_system());
    for (int i = 0; i < 20; i++) {
        timer_init(&others[i], rig.loop, start_again);
        timer_start(&others[i], 3600000);
    }
    timer_init(&timer, rig.loop, start_again);
    timer_start(&timer, 0);
    fired_count = 0;
    loop_turn(rig.loop, true);
    assert_int_equal(fired_count, 1);
    loop_turn(rig.loop, true);
    assert_int_equal(fired_count, 2);
    timer_stop(&timer);
    for (int i = 0; i < 20; i++)
        timer_stop(&others[i]);
    rig_release(&rig);
}

static void a_timer_takes_its_time(void **state)
{
    struct rig rig;
    struct numbered timer = { .number = 1 };
    int64_t began;

    (void)state;
    rig_init(&rig, clock_system());
    timer_init(&timer.timer, rig.loop, note_number);
    began = clock_mono_ms(clock_system());
    timer_start(&timer.timer, 5000);
    timer_start(&timer.timer, 60); /* earlier than what the kernel was told */
    loop_turn(rig.loop, false);
    timer_start(&timer.timer, 30);
    fired_count = 0;
    RIG_UNTIL(&rig, fired_count == 1);
    assert_in_range(clock_mono_ms(clock_system()) - began, 30, 4000);
    rig_release(&rig);
}

/* ---- the turn's end and the quiet moment ---- */

struct ending {
    struct deferred deferred;
    struct loop    *loop;
    int             runs, again;
};

static void ending_runs(struct deferred *deferred)
{
    struct ending *ending = (struct ending *)(void *)deferred;

    ending->runs++;
    if (ending->again-- > 0)
        loop_defer(ending->loop, deferred);
}

static void deferred_run_once_and_what_they_defer_next_turn(void **state)
{
    struct rig rig;
    struct ending once = { .deferred.run = ending_runs }, thrice = { .deferred.run = ending_runs, .again = 2 };

    (void)state;
    rig_init(&rig, clock_system());
    once.loop = thrice.loop = rig.loop;
    loop_defer(rig.loop, &once.deferred);
    loop_defer(rig.loop, &thrice.deferred);
    assert_int_equal(once.runs, 0);
    loop_turn(rig.loop, true);
    assert_int_equal(once.runs, 1);
    assert_true(list_is_empty(&once.deferred.link));
    while (thrice.runs < 3) /* each of these would wait for ever if the list were forgotten */
        loop_turn(rig.loop, true);
    assert_int_equal(once.runs, 1);
    rig_release(&rig);
}

struct counting_quiet {
    struct quiet quiet;
    int          calls;
    bool         off;
};

static void count_quiet(struct quiet *quiet)
{
    struct counting_quiet *counting = (struct counting_quiet *)(void *)quiet;

    counting->calls++;
    if (counting->off)
        loop_off_quiet(quiet);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void the_quiet_hook_runs_after_work_and_only_then(void **state)
{
    struct rig rig;
    struct counting_quiet first = { .quiet.quiet = count_quiet, .off = true }, second = { .quiet.quiet = count_quiet };
    struct wakeup *wakeup;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(wakeup_new(rig.loop, nothing, NULL, &wakeup), 0);
    loop_on_quiet(rig.loop, &first.quiet);
    loop_on_quiet(rig.loop, &second.quiet);
    for (int i = 0; i < 3; i++)
        loop_turn(rig.loop, false);
    assert_int_equal(first.calls + second.calls, 0);
    wakeup_wake(wakeup);
    loop_turn(rig.loop, true);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 1);
    for (int i = 0; i < 3; i++)
        loop_turn(rig.loop, false);
    assert_int_equal(second.calls, 1);
    wakeup_wake(wakeup);
    loop_turn(rig.loop, true);
    assert_int_equal(first.calls, 1); /* it took itself off */
    assert_int_equal(second.calls, 2);
    loop_off_quiet(&second.quiet);
    wakeup_free(wakeup);
    rig_release(&rig);
}

/* ---- other threads ---- */

struct flood {
    struct wakeup *wakeup;
    _Atomic int    sent;
    int            seen, calls;
};

static void flood_woken(void *arg)
{
    struct flood *flood = arg;

    flood->calls++;
    flood->seen = flood->sent;
}

static void *flood_thread(void *arg)
{
    struct flood *flood = arg;

    for (int i = 0; i < 10000; i++) {
        flood->sent++;
        wakeup_wake(flood->wakeup);
    }
    return NULL;
}

static void no_wake_of_another_thread_is_lost(void **state)
{
    struct rig rig;
    struct flood flood = { .sent = 0 };
    pthread_t threads[3];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(wakeup_new(rig.loop, flood_woken, &flood, &flood.wakeup), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flood_thread, &flood), 0);
    RIG_UNTIL(&rig, flood.seen == 30000);
    assert_in_range(flood.calls, 1, 30000);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    wakeup_free(flood.wakeup);
    rig_release(&rig);
}

struct last_wake {
    struct wakeup *wakeup;
    int            calls;
};

static void free_itself(void *arg)
{
    struct last_wake *last = arg;

    last->calls++;
    wakeup_wake(last->wakeup);
    wakeup_free(last->wakeup);
}

static void a_wakeup_may_free_itself_and_is_not_heard_of_again(void **state)
{
    struct rig rig;
    struct last_wake last = { .calls = 0 };

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(wakeup_new(rig.loop, free_itself, &last, &last.wakeup), 0);
    wakeup_wake(last.wakeup);
    wakeup_wake(last.wakeup);
    loop_turn(rig.loop, true);
    rig_pass(&rig, 5);
    assert_int_equal(last.calls, 1);
    rig_release(&rig);
}

struct sum {
    struct job job;
    pthread_t  worked_in;
    int        result, done;
};

static void sum_work(struct job *job)
{
    struct sum *sum = (struct sum *)(void *)job;

    sum->worked_in = pthread_self();
    for (int i = 1; i <= 100; i++)
        sum->result += i;
}

static void sum_done(struct job *job)
{
    ((struct sum *)(void *)job)->done++;
}

static void a_job_works_in_the_pool_and_is_done_on_the_loop(void **state)
{
    struct rig rig;
    struct sum sum = { .job = { .work = sum_work, .done = sum_done } }, late = sum;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(loop_submit(rig.loop, &sum.job), 0);
    RIG_UNTIL(&rig, sum.done == 1);
    assert_int_equal(sum.result, 5050);
    assert_false(pthread_equal(sum.worked_in, pthread_self()));
    assert_int_equal(loop_submit(rig.loop, &late.job), 0);
    rig_release(&rig); /* waits for it */
    assert_int_equal(late.done, 1);
}

static void jobs_have_a_ceiling(void **state)
{
    struct rig rig;
    struct sum *sums = calloc(LIMIT_jobs + 1, sizeof(*sums));
    int done = 0;

    (void)state;
    assert_non_null(sums);
    rig_init(&rig, clock_system());
    for (int i = 0; i <= LIMIT_jobs; i++) {
        sums[i].job = (struct job){ .work = sum_work, .done = sum_done };
        assert_int_equal(loop_submit(rig.loop, &sums[i].job), i < LIMIT_jobs ? 0 : E_FULL);
    }
    rig_release(&rig);
    for (int i = 0; i <= LIMIT_jobs; i++)
        done += sums[i].done;
    assert_int_equal(done, LIMIT_jobs);
    free(sums);
}

/* ---- signals ---- */

static int  caught_signal;
static void note_signal(void *arg, int number)
{
    caught_signal = number;
    loop_stop(arg);
}

static void signals_are_events_and_sigpipe_is_ignored(void **state)
{
    struct rig rig;
    struct sigaction action;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(loop_on_signal(rig.loop, SIGUSR1, note_signal, rig.loop), 0);
    assert_int_equal(loop_on_signal(rig.loop, SIGKILL, note_signal, rig.loop), E_INVALID);
    kill(getpid(), SIGUSR1);
    loop_run(rig.loop); /* until note_signal stops it */
    assert_int_equal(caught_signal, SIGUSR1);
    assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_IGN);
    rig_release(&rig);
}

/* ---- slow turns ---- */

static struct clock_manual slow_clock;

static void take_long(struct timer *timer)
{
    (void)timer;
    clock_manual_advance(&slow_clock, LIMIT_loop_turn_ms + 1);
}

static void slow_turns_are_counted_and_said_once_a_second(void **state)
{
    struct rig rig;
    struct timer timer;

    (void)state;
    clock_manual_init(&slow_clock, 0);
    clock_manual_advance(&slow_clock, 5000);
    rig_init(&rig, &slow_clock.clock);
    timer_init(&timer, rig.loop, take_long);
    for (int i = 0; i < 20; i++) {
        timer_start(&timer, 0);
        loop_turn(rig.loop, false);
    }
    assert_int_equal(loop_stats(rig.loop).slow_turns, 20);
    assert_int_equal(loop_stats(rig.loop).worst_ms, LIMIT_loop_turn_ms + 1);
    assert_int_equal(rig_logged_times(&rig, "a turn of the loop took 11 ms, most of it in timers"), 1);
    clock_manual_advance(&slow_clock, 1000);
    timer_start(&timer, 0);
    loop_turn(rig.loop, false);
    assert_true(rig_logged(&rig, "since the last such line: 20)"));
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_due_time),
        cmocka_unit_test(a_thousand_timers_survive_random_moves),
        cmocka_unit_test(a_timer_stopped_by_another_does_not_fire),
        cmocka_unit_test(a_timer_that_starts_itself_does_not_hold_the_loop),
        cmocka_unit_test(a_timer_takes_its_time),
        cmocka_unit_test(deferred_run_once_and_what_they_defer_next_turn),
        cmocka_unit_test(the_quiet_hook_runs_after_work_and_only_then),
        cmocka_unit_test(no_wake_of_another_thread_is_lost),
        cmocka_unit_test(a_wakeup_may_free_itself_and_is_not_heard_of_again),
        cmocka_unit_test(a_job_works_in_the_pool_and_is_done_on_the_loop),
        cmocka_unit_test(jobs_have_a_ceiling),
        cmocka_unit_test(signals_are_events_and_sigpipe_is_ignored),
        cmocka_unit_test(slow_turns_are_counted_and_said_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

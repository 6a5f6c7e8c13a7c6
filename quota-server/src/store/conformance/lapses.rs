//! Processes that fall silent.

use super::*;

/// Process 1 holds 300 of the budget since [`T0`].
async fn held(store: &Arc<dyn Store>, budget: &str) {
    let answer = granted(store, T0, acquire(worker(1, 1), 1, vec![want(budget, &["acme"], 200, 50)])).await;
    assert_eq!(answer.grants[0].amount, 300);
}

/// How many processes lapse at `now`, after a server was there since `since`.
async fn sweep(store: &Arc<dyn Store>, since: u64, now: u64) -> u64 {
    time_passes(store, since, now).await;
    store.sweep(at(now)).await.unwrap().lapsed
}

pub(crate) async fn a_silent_process_has_spent_what_it_held(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "tokens").await;
    assert_eq!(sweep(&store, T0, T0 + TTL - 1).await, 0);
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 300));
    assert_eq!(sweep(&store, T0 + TTL, T0 + TTL).await, 1);
    assert_eq!(state(&store, T0, "tokens").await, holding(300, 0));
    assert_eq!(sweep(&store, T0 + TTL, T0 + 2 * TTL).await, 0, "it lapses once");
}

pub(crate) async fn or_it_is_released_where_the_budget_says_so(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "loose").await;
    assert_eq!(sweep(&store, T0, T0 + TTL).await, 1);
    assert_eq!(state(&store, T0, "loose").await, holding(0, 0));
}

pub(crate) async fn any_worker_keeps_the_whole_process_alive(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "tokens").await;
    time_passes(&store, T0, T0 + TTL - 1).await;
    let answer = applied(&store, T0 + TTL - 1, sync(worker(1, 2), 1)).await;
    assert_eq!(answer.term.unwrap().generation, 1);
    assert_eq!(sweep(&store, T0 + TTL, T0 + TTL).await, 0);
    assert_eq!(sweep(&store, T0 + TTL, T0 + 2 * TTL - 1).await, 1);
}

pub(crate) async fn a_returning_process_finds_a_new_generation(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "tokens").await;
    time_passes(&store, T0, T0 + TTL).await;
    // Nobody has swept since: the message itself finds the term over.
    let answer = applied(&store, T0 + TTL, sync(worker(1, 2), 1)).await;
    assert_eq!(answer.term.unwrap().generation, 2);
    assert_eq!(state(&store, T0, "tokens").await, holding(300, 0));
    let more = acquire(worker(1, 1), 2, vec![want("tokens", &["acme"], 100, 50)]);
    assert_eq!(granted(&store, T0 + TTL, more).await.term.unwrap().generation, 2);
    assert_eq!(state(&store, T0, "tokens").await, holding(300, 200));
}

pub(crate) async fn late_reports_correct_the_charge(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "tokens").await;
    sweep(&store, T0, T0 + TTL).await;
    let now = T0 + 2 * TTL;
    let first = SyncRequest { settled: vec![settled("tokens", 1, 120, 0)], ..sync(worker(1, 1), 1) };
    applied(&store, now, first).await;
    assert_eq!(state(&store, now, "tokens").await, holding(300, 0), "120 were charged as lost already");
    let rest = SyncRequest { settled: vec![settled("tokens", 1, 30, 150)], ..sync(worker(1, 1), 2) };
    applied(&store, now, rest).await;
    assert_eq!(state(&store, now, "tokens").await, holding(150, 0), "what was not spent is back");
}

pub(crate) async fn a_lost_answer_is_corrected_after_the_lapse_too(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "tokens").await;
    sweep(&store, T0, T0 + TTL).await;
    let now = T0 + 2 * TTL;
    applied(&store, now, SyncRequest { unanswered: vec![1], ..sync(worker(1, 1), 1) }).await;
    assert_eq!(state(&store, now, "tokens").await, holding(0, 0));
}

pub(crate) async fn a_repeat_after_the_lapse_says_which_term_it_was_granted_under(kind: impl Kind) {
    let store = kind.open(T0);
    let ticked = SyncRequest { refills: vec![want("loose", &["acme"], 0, 50)], ..sync(worker(1, 1), 1) };
    let first = applied(&store, T0, ticked.clone()).await;
    assert_eq!(first.refills[0].amount, 100);
    sweep(&store, T0, T0 + TTL).await;

    let tokens = SyncRequest { refills: vec![want("tokens", &["acme"], 0, 50)], ..sync(worker(1, 2), 1) };
    applied(&store, T0 + TTL, tokens.clone()).await;
    assert_eq!(state(&store, T0, "loose").await, holding(0, 0), "released, as the budget says");
    let lapsed = holding(100, 0);
    sweep(&store, T0 + TTL, T0 + 2 * TTL).await;
    assert_eq!(state(&store, T0, "tokens").await, lapsed);

    // Whoever repeats never had the answer. It returns what is of an older term, which undoes the charge.
    let Synced::Repeated(again) = store.sync(at(T0 + 2 * TTL), tokens).await.unwrap() else {
        panic!("applied twice")
    };
    let refill = &again.refills[0];
    assert_eq!((refill.amount, refill.generation, again.term.unwrap().generation), (100, 2, 3));
    assert_eq!(state(&store, T0, "tokens").await, lapsed, "a repeat changes nothing");
    let back = SyncRequest { settled: vec![settled("tokens", 2, 0, 100)], ..sync(worker(1, 2), 2) };
    applied(&store, T0 + 2 * TTL, back).await;
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 0));

    let asked = acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 200, 50)]);
    granted(&store, T0 + 2 * TTL, asked.clone()).await;
    sweep(&store, T0 + 2 * TTL, T0 + 4 * TTL).await;
    let again = granted(&store, T0 + 4 * TTL, asked).await;
    assert_eq!((again.grants[0].generation, again.term.unwrap().generation), (3, 4));
    assert_eq!(state(&store, T0, "tokens").await, holding(300, 0));
}

pub(crate) async fn a_restart_gives_everyone_a_whole_term(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "tokens").await;
    store.close().await.unwrap();
    let back = T0 + 10 * TTL;
    let store = kind.open(back);
    assert_eq!(sweep(&store, back, back + TTL - 1).await, 0);
    let answer = applied(&store, back + TTL - 1, sync(worker(1, 1), 1)).await;
    assert_eq!(answer.term.unwrap().generation, 1);
    assert_eq!(sweep(&store, back + TTL, back + 2 * TTL - 1).await, 1);
}

pub(crate) async fn terms_do_not_end_in_a_long_pause_of_all_servers(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, "tokens").await;
    time_passes(&store, T0, T0 + 20_000).await;
    store.close().await.unwrap();
    // The first that comes is a message.
    let back = T0 + 3 * TTL;
    let store = kind.open(back);
    let answer = applied(&store, back, sync(worker(1, 2), 1)).await;
    assert_eq!(answer.term.unwrap().generation, 1);
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 300));
}

/// An hour, there and back: each time there is a whole term from then on, by the new time.
pub(crate) async fn no_step_of_a_servers_clock_ends_a_term_before_its_process_could_be_heard(
    kind: impl Kind,
) {
    let store = kind.open(T0);
    held(&store, "loose").await;
    time_passes(&store, T0, T0 + 30_000).await;
    for (clock, number) in [(T0 + HOUR, 1), (T0 + 30_000, 2)] {
        assert_eq!(sweep(&store, clock, clock + TTL - 1).await, 0, "after a step to {clock}");
        let answer = applied(&store, clock + TTL - 1, sync(worker(1, 1), number)).await;
        assert_eq!(answer.term.unwrap().generation, 1);
        assert_eq!(state(&store, T0, "loose").await, holding(0, 300));
    }
    // What a silent process holds comes back in the end: as much later as the clock was set back.
    let ends = T0 + HOUR + 2 * TTL - 1;
    assert_eq!(sweep(&store, T0 + 30_000 + TTL, ends).await, 1);
    assert_eq!(state(&store, T0, "loose").await, holding(0, 0));
}

pub(crate) async fn answers_are_remembered_as_long_as_they_may_matter(kind: impl Kind) {
    let store = kind.open(T0);
    let ask = || acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 100, 0)]);
    granted(&store, T0, ask()).await;
    granted(&store, T0, acquire(worker(2, 1), 1, vec![want("days", &["acme"], 100, 0)])).await;

    // Process 1 is heard all the time: ten minutes, after which no copy of a message is under way.
    let (remembered, forgotten) = (T0 + 600_000, T0 + 610_000);
    for now in (T0..=forgotten).step_by(10_000) {
        applied(&store, now, sync(worker(1, 2), now)).await;
        store.sweep(at(now)).await.unwrap();
        if now == remembered || now == forgotten {
            let before = state(&store, T0, "tokens").await;
            granted(&store, now, ask()).await;
            let same = state(&store, T0, "tokens").await == before;
            assert_eq!(same, now == remembered, "asked again after {} ms", now - T0);
        }
    }
    // Process 2 has fallen silent, and what it held was charged: it has a day to say that it never had the answer.
    assert_eq!(state(&store, T0, "days").await, holding(100, 0));
    applied(&store, forgotten, SyncRequest { unanswered: vec![1], ..sync(worker(2, 1), 1) }).await;
    assert_eq!(state(&store, T0, "days").await, holding(0, 0));
}

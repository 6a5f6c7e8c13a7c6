//! Windows that follow the calendar, and one that does not end.

use super::*;

async fn all_of(store: &Arc<dyn Store>, now: u64, budget: &str, number: u64) -> (u64, u64) {
    let grant = &granted(store, now, acquire(worker(1, 1), number, vec![want(budget, &["acme"], 100, 0)]))
        .await
        .grants[0];
    (grant.window, grant.resets_in_ms)
}

pub(crate) async fn a_day_is_its_time_zones(kind: impl Kind) {
    let store = kind.open(T0);
    // In Berlin it is 19:00; the day began at 23:00 UTC.
    assert_eq!(all_of(&store, T0, "days", 1).await, (T0 - 19 * HOUR, 5 * HOUR));
    let midnight = T0 + 5 * HOUR;
    let more = acquire(worker(1, 1), 2, vec![want("days", &["acme"], 1, 0)]);
    let Acquired::Exhausted(answer) = store.acquire(at(midnight - 1), more).await.unwrap() else {
        panic!("101 of 100 granted")
    };
    assert_eq!(answer.exhausted.unwrap().resets_in_ms, 1);
    assert_eq!(all_of(&store, midnight, "days", 3).await, (midnight, 24 * HOUR));

    // What belongs to yesterday is settled there.
    let yesterday = Settled { window: T0 - 19 * HOUR, ..settled("days", 1, 60, 40) };
    applied(&store, midnight, SyncRequest { settled: vec![yesterday], ..sync(worker(1, 1), 1) }).await;
    assert_eq!(state(&store, T0, "days").await, holding(60, 0));
    assert_eq!(state(&store, midnight, "days").await, holding(0, 100));
}

pub(crate) async fn a_day_on_which_clocks_change_is_shorter(kind: impl Kind) {
    // 2027-03-28, from 00:00 in Berlin (23:00 UTC) to 24:00 (22:00 UTC).
    const SPRING: u64 = 1_806_188_400_000;
    let store = kind.open(SPRING);
    assert_eq!(all_of(&store, SPRING, "days", 1).await, (SPRING, 23 * HOUR));
}

pub(crate) async fn a_lifetime_is_never_over_and_never_forgotten(kind: impl Kind) {
    let store = kind.open(T0);
    let (window, resets_in_ms) = all_of(&store, T0, "trial", 1).await;
    assert!(window > 0, "0 says that there is none");
    assert!(resets_in_ms > 1_000 * 365 * 24 * HOUR);
    let spent = Settled { window, ..settled("trial", 1, 70, 30) };
    applied(&store, T0, SyncRequest { settled: vec![spent], ..sync(worker(1, 1), 1) }).await;
    let years_later = T0 + 5 * 365 * 24 * HOUR;
    while store.sweep(at(years_later)).await.unwrap().forgotten > 0 {}
    assert_eq!(state(&store, years_later, "trial").await, holding(70, 0));
}

async fn burst(store: &Arc<dyn Store>, now: u64, number: u64, need: u64) -> Acquired {
    store
        .acquire(at(now), acquire(worker(1, 1), number, vec![want("burst", &["acme"], need, 1)]))
        .await
        .unwrap()
}

pub(crate) async fn any_minute_holds_no_more_than_the_limit(kind: impl Kind) {
    let store = kind.open(T0);
    // A slot is two seconds, and leases end with it.
    let Acquired::Granted(answer) = burst(&store, T0 + 500, 1, 100).await else {
        panic!("100 of 100 refused")
    };
    assert_eq!((answer.grants[0].amount, answer.grants[0].resets_in_ms), (100, 1_500));
    let spent = SyncRequest { settled: vec![settled("burst", 1, 60, 40)], ..sync(worker(1, 1), 1) };
    applied(&store, T0 + 3_000, spent).await;

    // 60 were spent until T0 + 2 s, and count until a minute and a slot later.
    let Acquired::Exhausted(answer) = burst(&store, T0 + 3_000, 2, 41).await else {
        panic!("101 of 100 granted")
    };
    let exhausted = answer.exhausted.unwrap();
    assert_eq!((exhausted.remaining, exhausted.retry_in_ms), (40, 61_000));
    assert!(matches!(burst(&store, T0 + 3_000, 3, 40).await, Acquired::Granted(_)));
    time_passes(&store, T0 + 3_000, T0 + 63_999).await;
    assert!(matches!(burst(&store, T0 + 63_999, 4, 1).await, Acquired::Exhausted(_)));
    assert!(matches!(burst(&store, T0 + 64_000, 5, 61).await, Acquired::Exhausted(_)));
    assert!(matches!(burst(&store, T0 + 64_000, 6, 60).await, Acquired::Granted(_)));

    // People see one bucket.
    let open = store.buckets(crate::store::counting_since(&policy(), T0 + 64_000)).await.unwrap();
    let shown = crate::store::counting(&policy(), open, T0 + 64_000);
    assert_eq!(shown.len(), 1);
    // The 40 were held in silence for a whole term.
    assert_eq!((shown[0].bucket, shown[0].lost), (holding(40, 60), 40));
}

pub(crate) async fn slots_that_count_no_more_are_forgotten(kind: impl Kind) {
    let store = kind.open(T0);
    for slot in 0..100 {
        burst(&store, T0 + slot * 2_000, slot + 1, 1).await;
    }
    assert_eq!(store.buckets(T0).await.unwrap().len(), 100);
    while store.sweep(at(T0 + HOUR)).await.unwrap().forgotten > 0 {}
    assert_eq!(store.buckets(T0).await.unwrap(), []);
}

/// One a second, and a hundred at once.
pub(crate) async fn what_was_used_of_a_bucket_comes_back_all_the_time(kind: impl Kind) {
    let store = kind.open(T0);
    let ask = async |now, number, need| {
        let asked = acquire(worker(1, 1), number, vec![want("refilled", &["acme"], need, 1)]);
        match store.acquire(at(now), asked).await.unwrap() {
            Acquired::Granted(answer) => Ok(answer.grants[0].amount),
            Acquired::Exhausted(answer) => Err(answer.exhausted.unwrap()),
            other => panic!("{other:?}"),
        }
    };
    let report = async |now, sequence, spent, returned| {
        let told = Settled { window: 1, ..settled("refilled", 1, spent, returned) };
        applied(&store, now, SyncRequest { settled: vec![told], ..sync(worker(1, 1), sequence) }).await;
    };
    assert_eq!(ask(T0, 1, 100).await, Ok(100));
    // What is only held does not come back by itself: it may be spent any moment.
    let held = ask(T0 + 50_000, 2, 1).await.unwrap_err();
    assert_eq!((held.limit, held.remaining), (100, 0));
    assert!(held.retry_in_ms < 1_000);
    report(T0 + 50_000, 1, 100, 0).await;
    for (number, (after, need, retry_in_ms)) in
        [(0, 1, 1_000), (400, 1, 600), (400, 30, 29_600), (9_999, 10, 1)].into_iter().enumerate()
    {
        let short = ask(T0 + 50_000 + after, 3 + number as u64, need).await.unwrap_err();
        assert_eq!((short.retry_in_ms, short.limit), (retry_in_ms, 100), "{need} after {after} ms");
    }
    assert_eq!(ask(T0 + 60_000, 10, 10).await, Ok(10));
    let never = ask(T0 + 60_000, 11, 101).await.unwrap_err();
    assert!(never.retry_in_ms >= never.resets_in_ms && never.unused == 100);
    report(T0 + 60_000, 2, 10, 0).await;

    // People see it as it is, and when it will be full.
    let open = store.buckets(T0 + 70_000).await.unwrap();
    let shown = crate::store::counting(&policy(), open, T0 + 70_000);
    let shown = shown.iter().find(|open| open.budget == "refilled").unwrap();
    assert_eq!((shown.bucket.used, shown.bucket.outstanding), (90, 0));
    assert_eq!(
        ask(T0 + 3 * HOUR, 12, 100).await,
        Ok(100),
        "no more than it holds, however long it was left alone"
    );
}

/// Sweeps until there is nothing more to do.
async fn forget(store: &Arc<dyn Store>, now: u64) {
    while store.sweep(at(now)).await.unwrap().forgotten > 0 {}
}

pub(crate) async fn buckets_without_an_end_go_when_they_say_nothing_any_more(kind: impl Kind) {
    const DAY: u64 = 24 * HOUR;
    let store = kind.open(T0);
    let names = async |now| {
        let mut names: Vec<_> =
            store.buckets(now).await.unwrap().into_iter().map(|open| open.budget).collect();
        names.sort();
        names
    };
    let of = |budget, spent, returned| Settled { window: 1, ..settled(budget, 1, spent, returned) };
    let all = ["flights", "refilled", "trial"];
    let wants = all.map(|budget| want(budget, &["acme"], 10, 0)).to_vec();
    let answer = granted(&store, T0, acquire(worker(1, 1), 1, wants)).await;
    let back = all.iter().zip(answer.grants).map(|(budget, grant)| of(budget, 0, grant.amount - 1)).collect();
    applied(&store, T0, SyncRequest { settled: back, ..sync(worker(1, 1), 1) }).await;
    // One of each is still held, by a process that is there all the time.
    for day in 0..5 {
        applied(&store, T0 + day * DAY, sync(worker(1, 1), day + 2)).await;
        forget(&store, T0 + day * DAY).await;
    }
    assert_eq!(names(T0).await, all);

    // The call is over; of one budget so much is used without a lease that it takes ten days to come back.
    let now = T0 + 5 * DAY;
    let debt = Settled { window: 0, generation: 0, ..of("refilled", 10 * DAY / 1_000, 0) };
    let ends = vec![of("flights", 0, 1), of("refilled", 1, 0), of("trial", 1, 0), debt];
    applied(&store, now, SyncRequest { settled: ends, ..sync(worker(1, 1), 7) }).await;
    for (days, left) in [(0, &all[..]), (3, &all[1..]), (9, &all[1..]), (13, &all[2..]), (400, &all[2..])] {
        forget(&store, now + days * DAY).await;
        assert_eq!(names(T0).await, left, "after {days} days");
    }
}

/// An hour is made a month that begins at the same moment.
pub(crate) async fn a_bucket_is_kept_as_long_as_its_longest_window_wants(kind: impl Kind) {
    const DAY: u64 = 24 * HOUR;
    /// The 692nd span of 30 days since 1970.
    const START: u64 = 692 * 30 * DAY;
    let moment = |window: &str, now| {
        let policy = format!(
            "{{ dimensions: {{ tenant: {{ header: x }} }}, budgets: [{{ name: grows, per: [tenant], limit: 100 tokens, window: {window} }}] }}"
        );
        Moment { policy: Arc::new(Policy::from_yaml(&policy).unwrap()), now }
    };
    let store = kind.open(START);
    let ask = |number| acquire(worker(1, 1), number, vec![want("grows", &["acme"], 60, 0)]);
    let Acquired::Granted(answer) = store.acquire(moment("1h", START), ask(1)).await.unwrap() else {
        panic!("60 of 100 refused")
    };
    assert_eq!(answer.grants[0].window, START);
    let spent = Settled { window: START, ..settled("grows", 1, 60, answer.grants[0].amount - 60) };
    let spent = SyncRequest { settled: vec![spent], ..sync(worker(1, 1), 1) };
    store.sync(moment("1h", START), spent).await.unwrap();

    let exhausted = |asked| matches!(asked, Acquired::Exhausted(_));
    assert!(exhausted(store.acquire(moment("30d", START + 1), ask(2)).await.unwrap()));
    let later = START + 29 * DAY;
    while store.sweep(moment("30d", later)).await.unwrap().forgotten > 0 {}
    assert!(exhausted(store.acquire(moment("30d", later), ask(3)).await.unwrap()), "60 and 60 of 100");
}

/// 30 are used in the slot of two seconds that begins at T0, 30 in the one 20 s later, 40 in the one 40 s later. Each counts
/// until a minute and a slot after its slot's end.
pub(crate) async fn a_refusal_says_when_a_call_of_its_size_fits_into_a_rolling_window(kind: impl Kind) {
    let store = kind.open(T0);
    for (number, (after, amount)) in [(0, 30), (20_000, 30), (40_000, 40)].into_iter().enumerate() {
        let (now, number) = (T0 + after, number as u64 + 1);
        let Acquired::Granted(answer) = burst(&store, now, number, amount).await else {
            panic!("{amount} refused after {after} ms")
        };
        let (window, returned) = (answer.grants[0].window, answer.grants[0].amount - amount);
        let spent = Settled { window, ..settled("burst", 1, amount, returned) };
        applied(&store, now, SyncRequest { settled: vec![spent], ..sync(worker(1, 1), number) }).await;
    }
    let now = T0 + 50_000;
    for (number, (need, frees_at)) in
        [(1, 64_000), (30, 64_000), (31, 84_000), (60, 84_000), (61, 104_000), (100, 104_000)]
            .into_iter()
            .enumerate()
    {
        let Acquired::Exhausted(answer) = burst(&store, now, number as u64 + 4, need).await else {
            panic!("{need} granted")
        };
        assert_eq!(answer.exhausted.unwrap().retry_in_ms, frees_at - 50_000, "for {need}");
    }
    let Acquired::Exhausted(_) = burst(&store, T0 + 63_999, 10, 30).await else { panic!("too early") };
    assert!(matches!(burst(&store, T0 + 64_000, 11, 30).await, Acquired::Granted(_)));
}

/// At the first refusal the server has been told nothing yet.
pub(crate) async fn what_was_spent_and_not_reported_does_not_come_back_by_itself(kind: impl Kind) {
    let store = kind.open(T0);
    let wants = ["burst", "refilled"].map(|budget| want(budget, &["acme"], 100, 1)).to_vec();
    granted(&store, T0, acquire(worker(1, 1), 1, wants)).await;
    // Of one a slot of two seconds counts for a minute and a slot, of the other one a second comes back.
    for (number, (budget, spent, retry_in_ms)) in [
        ("burst", 0, 250),
        ("burst", 90, 250),
        ("burst", 91, 64_000 - 1_000),
        ("refilled", 90, 250),
        ("refilled", 100, 10_000),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = Want { spent, ..want(budget, &["acme"], 10, 1) };
        let asked = store.acquire(at(T0 + 1_000), acquire(worker(1, 1), number as u64 + 2, vec![asked]));
        let Acquired::Exhausted(answer) = asked.await.unwrap() else { panic!("{budget}: 110 granted") };
        assert_eq!(answer.exhausted.unwrap().retry_in_ms, retry_in_ms, "{budget} after {spent}");
    }
}

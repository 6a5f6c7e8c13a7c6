//! What every store must do, whatever it keeps its rows in.
//!
//! A store's tests say `conformance!(Kind)` with a [`Kind`] that makes fresh ones and opens them again; or
//! `every_test!(in_a_row, Kind)` within one test.

pub(crate) mod adjustments;
pub(crate) mod chaos;
pub(crate) mod fleet;
pub(crate) mod lapses;
pub(crate) mod leases;
pub(crate) mod ledger;
pub(crate) mod retention;
pub(crate) mod spends;
pub(crate) mod syncs;
pub(crate) mod windows;

use super::{Acquired, Moment, Store, Synced};
use ::policy::Policy;
use quota::Bucket;
use quota::proto::{AcquireRequest, AcquireResponse, Reporter, Settled, SyncRequest, SyncResponse, Want};
use std::sync::Arc;

/// A store somewhere, with all that outlives a process.
pub(crate) trait Kind {
    fn fresh() -> Self;
    /// Opens it, again if it was closed, at `now` with lease terms of [`TTL`].
    fn open(&self, now: u64) -> Arc<dyn Store>;
}

/// Every test, an `async fn(kind: impl Kind)`, as `$then! { $kind, area: name, ... }`.
macro_rules! every_test {
    ($then:ident, $kind:ty) => {
        crate::store::conformance::$then! { $kind,
            leases: a_grant_covers_the_need_and_leaves_the_rest,
            leases: all_wants_are_granted_or_none,
            leases: what_others_hold_comes_back_and_what_is_spent_does_not,
            leases: who_gives_way_gets_nothing_of_what_is_kept_and_keeps_nobody_from_it,
            leases: a_repeated_acquire_takes_nothing_more,
            leases: a_refused_acquire_is_refused_again_whatever_has_come_back,
            leases: an_unanswered_acquire_is_taken_back_and_can_not_come_late,
            leases: a_budget_in_another_form_grants_nothing,
            leases: a_subject_may_have_a_limit_of_its_own,
            leases: a_child_never_has_more_than_any_of_its_parents,
            leases: calls_in_flight_are_granted_one_by_one_and_released_when_lost,
            leases: a_new_window_is_a_new_bucket,
            leases: concurrent_acquires_never_exceed_the_limit,
            leases: a_flood_leaves_others_their_share_and_other_buckets_alone,
            lapses: a_silent_process_has_spent_what_it_held,
            lapses: or_it_is_released_where_the_budget_says_so,
            lapses: any_worker_keeps_the_whole_process_alive,
            lapses: a_returning_process_finds_a_new_generation,
            lapses: late_reports_correct_the_charge,
            lapses: a_lost_answer_is_corrected_after_the_lapse_too,
            lapses: a_repeat_after_the_lapse_says_which_term_it_was_granted_under,
            lapses: a_restart_gives_everyone_a_whole_term,
            lapses: terms_do_not_end_in_a_long_pause_of_all_servers,
            lapses: no_step_of_a_servers_clock_ends_a_term_before_its_process_could_be_heard,
            lapses: answers_are_remembered_as_long_as_they_may_matter,
            syncs: a_repeated_sync_charges_nothing_twice,
            syncs: an_older_sync_is_refused,
            syncs: workers_count_their_messages_apart,
            syncs: settlements_reach_the_bucket_of_their_own_window,
            syncs: what_was_spent_without_a_lease_counts_in_the_current_window,
            syncs: an_overshoot_is_charged_and_told,
            syncs: refills_answer_in_order_and_never_exceed_what_is_left,
            syncs: what_was_answered_survives_a_restart,
            syncs: buckets_are_kept_for_late_reports_and_then_forgotten,
            ledger: entries_add_up_by_hour_and_by_everything_that_tells_them_apart,
            ledger: values_are_named_by_the_policy_that_reported_them,
            ledger: absurd_sums_stop_at_the_largest,
            retention: folding_changes_no_sum,
            retention: what_is_kept_apart_stays_apart_and_what_is_not_goes_by_whole_months,
            windows: a_day_is_its_time_zones,
            windows: a_day_on_which_clocks_change_is_shorter,
            windows: any_minute_holds_no_more_than_the_limit,
            windows: slots_that_count_no_more_are_forgotten,
            windows: what_was_used_of_a_bucket_comes_back_all_the_time,
            windows: a_lifetime_is_never_over_and_never_forgotten,
            windows: buckets_without_an_end_go_when_they_say_nothing_any_more,
            windows: a_bucket_is_kept_as_long_as_its_longest_window_wants,
            windows: what_was_spent_and_not_reported_does_not_come_back_by_itself,
            windows: a_refusal_says_when_a_call_of_its_size_fits_into_a_rolling_window,
            spends: all_charges_are_spent_or_none,
            spends: spends_and_leases_share_a_bucket,
            spends: a_shadow_budget_counts_without_refusing,
            adjustments: what_was_added_may_be_had_until_the_window_ends,
            adjustments: what_was_used_counts_no_more_after_a_reset_and_what_is_held_does,
            adjustments: late_reports_after_a_reset_give_nothing_twice,
            adjustments: what_comes_with_the_same_key_is_done_once,
            adjustments: every_slot_of_a_rolling_window_is_forgiven,
            adjustments: a_bucket_that_refills_is_full_after_a_reset,
            adjustments: absurd_additions_stop_at_the_largest,
            adjustments: the_trail_is_read_from_the_newest_by_budget_and_in_pages,
            adjustments: workers_are_told_which_buckets_were_changed,
            adjustments: changes_at_the_same_time_are_all_made,
            chaos: lost_late_and_repeated_messages_charge_each_call_once,
        }
    };
}
pub(crate) use every_test;

/// Each test by itself, with a fresh store.
macro_rules! conformance {
    ($kind:ty) => {
        crate::store::conformance::every_test! { tests_of, $kind }
    };
}
pub(crate) use conformance;

macro_rules! tests_of {
    ($kind:ty, $($area:ident: $name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::store::conformance::$area::$name(<$kind as crate::store::conformance::Kind>::fresh()).await;
            }
        )*
    };
}
pub(crate) use tests_of;

/// All tests, one after the other, each with a fresh store: for what takes long to start.
macro_rules! in_a_row {
    ($kind:ty, $($area:ident: $name:ident,)*) => {
        $(
            println!("{}", stringify!($name));
            crate::store::conformance::$area::$name(<$kind as crate::store::conformance::Kind>::fresh()).await;
        )*
    };
}
pub(crate) use in_a_row;

pub(crate) const TTL: u64 = 60_000;

const HOUR: u64 = 3_600_000;

/// 2026-11-23 18:00:00 UTC, when an hour begins.
const T0: u64 = 1_795_456_800_000;

const POLICY: &str = "
dimensions:
  tenant: { header: x-tenant-id }
  user: { header: x-user-id }
budgets:
  - { name: tokens, per: [tenant], limit: 1000 tokens, window: 1h }
  - { name: tiers, per: [tenant], limit: 100 tokens, window: rolling 60s,
      overrides: [{ when: { tenant: acm* }, limit: 300 tokens }] }
  - { name: flights, per: [tenant], limit: 20 concurrent requests }
  - { name: org, per: [], limit: 900 tokens, window: 1d }
  - { name: team, per: [tenant], limit: 600 tokens, window: 1d }
  - { name: member, per: [tenant, user], limit: 400 tokens, window: 1d }
  - { name: key, per: [tenant, user, model], limit: 200 tokens, window: 1d }
  - { name: calls, per: [tenant, user], limit: 10 requests, window: 1h }
  - { name: loose, per: [tenant], limit: 1000 tokens, window: 1h, lost_lease: released }
  - { name: watched, per: [tenant], limit: 100 tokens, window: 1h, mode: shadow }
  - { name: days, per: [tenant], limit: 100 tokens, window: day, time_zone: Europe/Berlin }
  - { name: trial, per: [tenant], limit: 100 tokens, window: lifetime }
  - { name: refilled, per: [tenant], limit: 60 tokens, window: refill 60s, burst: 100 tokens }
  - { name: burst, per: [tenant], limit: 100 tokens, window: rolling 60s }
";

fn policy() -> Arc<Policy> {
    Arc::new(Policy::from_yaml(POLICY).unwrap())
}

fn at(now: u64) -> Moment {
    Moment { policy: policy(), now }
}

/// A worker of a process, both by number.
fn worker(process: u64, worker: u64) -> Reporter {
    Reporter { node: format!("envoy-{process}"), epoch: process, worker }
}

fn bucket(budget: &str, subject: &[&str]) -> Option<quota::proto::Bucket> {
    Some(quota::proto::Bucket {
        budget: budget.into(),
        subject: subject.iter().map(|&value| value.into()).collect(),
    })
}

fn want(budget: &str, subject: &[&str], need: u64, demand: u64) -> Want {
    Want { bucket: bucket(budget, subject), need, demand, ..Want::default() }
}

fn acquire(reporter: Reporter, number: u64, wants: Vec<Want>) -> AcquireRequest {
    AcquireRequest { reporter: Some(reporter), number, policy_version: String::new(), wants }
}

fn sync(reporter: Reporter, sequence: u64) -> SyncRequest {
    SyncRequest { reporter: Some(reporter), sequence, ..SyncRequest::default() }
}

/// Of the tenant acme in the window that begins at [`T0`].
fn settled(budget: &str, generation: u32, spent: u64, returned: u64) -> Settled {
    Settled { bucket: bucket(budget, &["acme"]), window: T0, generation, spent, returned }
}

async fn granted(store: &Arc<dyn Store>, now: u64, request: AcquireRequest) -> AcquireResponse {
    match store.acquire(at(now), request).await.unwrap() {
        Acquired::Granted(answer) => answer,
        other => panic!("not granted: {other:?}"),
    }
}

async fn applied(store: &Arc<dyn Store>, now: u64, request: SyncRequest) -> SyncResponse {
    match store.sync(at(now), request).await.unwrap() {
        Synced::Applied { answer, .. } => answer,
        other => panic!("not applied: {other:?}"),
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, seeded, good enough to shuffle events.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// A server is there and sweeps, from `since` until just before `now`.
async fn time_passes(store: &Arc<dyn Store>, since: u64, now: u64) {
    for then in (since..now).step_by(10_000) {
        store.sweep(at(then)).await.unwrap();
    }
}

/// One bucket of acme as it stands, whichever user it is for.
async fn state(store: &Arc<dyn Store>, now: u64, budget: &str) -> Bucket {
    let open = store.buckets(now).await.unwrap();
    let found = open.into_iter().find(|open| open.budget == budget && open.subject[0] == "acme");
    found.map(|open| open.bucket).unwrap_or_default()
}

const fn holding(used: u64, outstanding: u64) -> Bucket {
    Bucket { used, outstanding, drained_at: 0, raised: 0, forgiven: 0 }
}

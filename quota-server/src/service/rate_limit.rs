//! `envoy.service.ratelimit.v3.RateLimitService`, from the same buckets: for Envoys without the filter.
//!
//! A descriptor's entries are dimensions and their values. It is charged to every budget all of whose dimensions it has:
//! to request budgets always, to token budgets only where it says how many hits it adds, for then they are tokens.
//! Money, time and calls in flight can't be counted in hits. All of a request is charged or none.

use super::{Core, input};
use crate::metrics::Method;
use crate::proto::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use crate::proto::envoy::service::ratelimit::v3::rate_limit_response::{Code, DescriptorStatus, RateLimit};
use crate::proto::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitService as Service;
use crate::proto::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use crate::store::{Charge, Moment, Spent, rate_of};
use policy::{Budget, Period, Unit, Window};
use std::sync::Arc;
use std::time::Instant;
use tonic::{Request, Response, Status};

/// Descriptors of one request; Envoy's configurations have a handful.
const DESCRIPTORS: usize = 64;

pub struct RateLimitService(pub Arc<Core>);

#[tonic::async_trait]
impl Service for RateLimitService {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let began = Instant::now();
        let request = request.into_inner();
        check(&request)?;
        let at = self.0.moment();
        let (owners, charges) = charges(&at.policy.budgets, &request);
        let answer = if charges.is_empty() {
            let statuses = request.descriptors.iter().map(|_| passing()).collect();
            RateLimitResponse { overall_code: Code::Ok.into(), statuses }
        } else {
            let spent = self
                .0
                .store
                .spend(at.clone(), charges.clone())
                .await
                .map_err(|error| self.0.unavailable(&error))?;
            answer(&at, request.descriptors.len(), &owners, &charges, &spent)
        };
        self.0.metrics.rate_limited(answer.overall_code == i32::from(Code::OverLimit));
        self.0.metrics.took(Method::RateLimit, began.elapsed());
        Ok(Response::new(answer))
    }
}

#[allow(clippy::result_large_err, reason = "gRPC's own error type")]
fn check(request: &RateLimitRequest) -> Result<(), Status> {
    input::at_most("descriptors", request.descriptors.len(), DESCRIPTORS)?;
    for descriptor in &request.descriptors {
        input::at_most("descriptors.entries", descriptor.entries.len(), DESCRIPTORS)?;
        for entry in &descriptor.entries {
            input::text("descriptors.entries.key", &entry.key)?;
            input::text("descriptors.entries.value", &entry.value)?;
        }
    }
    Ok(())
}

/// What to charge, and beside each charge the descriptor it is for.
fn charges(budgets: &[Budget], request: &RateLimitRequest) -> (Vec<usize>, Vec<Charge>) {
    let mut owners = Vec::new();
    let mut charges = Vec::new();
    let told = (request.hits_addend > 0).then_some(u64::from(request.hits_addend));
    for (owner, descriptor) in request.descriptors.iter().enumerate() {
        let told = descriptor.hits_addend.or(told);
        for (index, budget) in budgets.iter().enumerate() {
            let amount = match budget.unit {
                Unit::Requests => Some(told.unwrap_or(1)),
                Unit::Tokens => told,
                // Nobody says of which class they are.
                Unit::TokensOf(_) | Unit::Weighted(_) => None,
                // Nobody says how much, or when a call is over.
                Unit::PicoUsd | Unit::GpuMs | Unit::ConcurrentRequests => None,
            };
            if let (Some(amount), Some(subject)) = (amount, subject(budget, descriptor)) {
                owners.push(owner);
                charges.push(Charge { budget: index, subject, amount });
            }
        }
    }
    (owners, charges)
}

/// The values of the budget's dimensions, if the descriptor has them all.
fn subject(budget: &Budget, descriptor: &RateLimitDescriptor) -> Option<Vec<String>> {
    let value = |name: &String| descriptor.entries.iter().find(|entry| entry.key == *name);
    budget.per.iter().map(|name| value(name).map(|entry| entry.value.clone())).collect()
}

fn passing() -> DescriptorStatus {
    DescriptorStatus { code: Code::Ok.into(), ..DescriptorStatus::default() }
}

/// One status a descriptor: over the limit where any of its budgets is, else the state of the one nearest to its limit.
fn answer(
    at: &Moment,
    count: usize,
    owners: &[usize],
    charges: &[Charge],
    spent: &Spent,
) -> RateLimitResponse {
    let mut statuses = vec![passing(); count];
    let mut told = vec![false; count];
    let mut over = false;
    for (((&owner, charge), &fits), bucket) in owners.iter().zip(charges).zip(&spent.fits).zip(&spent.buckets)
    {
        let (Some(budget), Some(status)) = (at.policy.budgets.get(charge.budget), statuses.get_mut(owner))
        else {
            continue;
        };
        over |= !fits;
        let limit = budget.limit_of(charge.subject.iter().map(String::as_str));
        let whole = budget.most_at_once(limit);
        let remaining = narrow(bucket.remaining(bucket.allowance(whole)));
        let tighter = !told[owner] || remaining < status.limit_remaining;
        let was_over = status.code == i32::from(Code::OverLimit);
        if !fits || (tighter && !was_over) {
            let end = budget.window.at(at.now).1.saturating_add(budget.window.lingers_ms());
            let full_in =
                rate_of(budget, limit).and_then(|rate| bucket.refills_in(rate, whole, whole, at.now));
            let resets_in = full_in.unwrap_or(end.saturating_sub(at.now));
            *status = DescriptorStatus {
                code: if fits { Code::Ok } else { Code::OverLimit }.into(),
                current_limit: Some(RateLimit {
                    requests_per_unit: narrow(limit.saturating_add(bucket.raised)),
                    unit: envoys_unit(&budget.window),
                    name: budget.name.clone(),
                }),
                limit_remaining: remaining,
                duration_until_reset: Some(prost_types::Duration {
                    seconds: i64::try_from(resets_in / 1000).unwrap_or(i64::MAX),
                    nanos: i32::try_from(resets_in % 1000 * 1_000_000).unwrap_or(0),
                }),
            };
            told[owner] = true;
        }
    }
    let overall = if over { Code::OverLimit } else { Code::Ok };
    RateLimitResponse { overall_code: overall.into(), statuses }
}

/// `RateLimitResponse.RateLimit.Unit`.
fn envoys_unit(window: &Window) -> u32 {
    match window {
        Window::Fixed { ms: 1_000 } => 1,
        Window::Fixed { ms: 60_000 } => 2,
        Window::Fixed { ms: 3_600_000 } => 3,
        Window::Fixed { ms: 86_400_000 } => 4,
        Window::Calendar(calendar) => match calendar.period {
            Period::Day => 4,
            Period::Month => 5,
            Period::Year => 6,
            Period::Week => 7,
            Period::Quarter => 0,
        },
        Window::Refill { ms: 1_000, .. } => 1,
        Window::Refill { ms: 60_000, .. } => 2,
        Window::Refill { ms: 3_600_000, .. } => 3,
        Window::Refill { ms: 86_400_000, .. } => 4,
        Window::Fixed { .. } | Window::Rolling { .. } | Window::Refill { .. } | Window::Lifetime => 0,
    }
}

fn narrow(amount: u64) -> u32 {
    u32::try_from(amount).unwrap_or(u32::MAX)
}

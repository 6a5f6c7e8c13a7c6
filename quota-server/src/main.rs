//! `tollkeeper`: the quota server and its command line.
#![forbid(unsafe_code)]

mod ask;

use clap::{Parser, Subcommand};
use policy::Budget;
use quota_server::by_hand;
use quota_server::edge::access::Role;
use quota_server::edge::{options, token};
use quota_server::report::{self, Query, Report};
use quota_server::store::Location;
use quota_server::store::ledger::{DAY_MS, Retention};
use quota_server::{live_policy, serve, unix_ms};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// FinOps for AI inside the mesh: budgets for a fleet of Envoys.
#[derive(Parser)]
#[command(name = "tollkeeper", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the filters in all Envoys until told to stop.
    Serve {
        /// The policy file; reloaded when it changes.
        #[arg(long)]
        policy: PathBuf,
        /// Where budgets and the ledger are kept: sqlite:FILE, or redis://HOST:PORT for several servers over one.
        #[arg(long, env = "TOLLKEEPER_STORE", hide_env_values = true, value_parser = Location::parse)]
        store: Location,
        /// Where filters (and Envoy's own rate-limit filter) connect.
        #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9090", value_parser = listener)]
        grpc: SocketAddr,
        /// Where people and programs ask: health, metrics, usage, budgets and their changes, backups.
        #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9091", value_parser = listener)]
        http: SocketAddr,
        /// How long an Envoy may stay silent before what it holds of budgets lapses.
        #[arg(long, default_value = "60s", value_parser = lease_ttl)]
        lease_ttl: Duration,
        /// How long the ledger keeps hours apart; older ones become days.
        #[arg(long, default_value = "90d", value_parser = age)]
        keep_hours: u64,
        /// How long it keeps days apart; older ones become months.
        #[arg(long, default_value = "2y", value_parser = age)]
        keep_days: u64,
        /// How long it keeps months; for ever if not said.
        #[arg(long, value_parser = age)]
        keep_months: Option<u64>,
        #[command(flatten)]
        edge: options::Options,
    },
    /// Say what is wrong with a policy file, with lines and suggestions.
    Check {
        /// The policy file.
        policy: PathBuf,
    },
    /// What was consumed: requests, tokens, cost, refusals.
    Usage {
        #[command(flatten)]
        server: ask::Server,
        /// Read a store directly, with or without a running server: sqlite:FILE or redis://HOST:PORT.
        #[arg(long, value_parser = Location::parse, conflicts_with = "server")]
        store: Option<Location>,
        /// Print what the server answers, for programs.
        #[arg(long)]
        json: bool,
        /// An age (24h, 7d) or a moment (2026-11-23T18:00:00Z), taken back to the full hour.
        #[arg(long)]
        since: Option<String>,
        /// Dimensions, or model, provider, outcome, source, price_version, hour; with commas.
        #[arg(long, default_value = Query::DEFAULT_BY)]
        by: String,
    },
    /// The buckets of all budgets as they stand: used, reserved, remaining.
    Budgets {
        #[command(flatten)]
        server: ask::Server,
        /// Print what the server answers, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Add to what is left of a budget, for somebody and until its window ends.
    TopUp {
        /// The budget's name.
        budget: String,
        /// How much, as limits are written: "5000 tokens", "12.50 USD".
        amount: String,
        #[command(flatten)]
        change: Change,
    },
    /// Let what somebody has used of a budget count no more. The ledger keeps it.
    Reset {
        /// The budget's name.
        budget: String,
        #[command(flatten)]
        change: Change,
    },
    /// Top-ups and resets: who, when, what and why, the newest first.
    Audit {
        #[command(flatten)]
        server: ask::Server,
        /// Print what the server answers, for programs.
        #[arg(long)]
        json: bool,
        /// Of this budget only.
        #[arg(long)]
        budget: Option<String>,
        /// Older ones than this number.
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Copy all that is kept into a new file, while the server goes on: of the server asked (as an admin), or of a file.
    Backup {
        /// The copy, a new file.
        file: PathBuf,
        #[command(flatten)]
        server: ask::Server,
        /// Copy a store directly, with or without a running server: sqlite:FILE.
        #[arg(long, value_parser = Location::parse, conflicts_with = "server")]
        store: Option<Location>,
    },
    /// Make a new token, and the entry of the access file that lets its holder in.
    Token {
        /// Whose it is: refusals name callers by it.
        #[arg(long, default_value = "somebody")]
        name: String,
        #[arg(long, value_enum, default_value_t = Role::Viewer)]
        role: Role,
    },
}

/// A change of a budget by hand.
#[derive(clap::Args)]
struct Change {
    /// For whom: once for each of the budget's dimensions; none where it is one budget for all.
    #[arg(long = "for", value_name = "DIMENSION=VALUE", value_parser = dimension)]
    subject: Vec<(String, String)>,
    /// Why; the audit shows it.
    #[arg(long)]
    reason: String,
    /// Makes it safe to ask again: what comes with the same key is done once. A new one if not said.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    server: ask::Server,
    /// Print what the server answers, for programs.
    #[arg(long)]
    json: bool,
}

impl Change {
    fn make(self, budget: &str, kind: &str, amount: Option<&str>) -> Result<(), String> {
        let subject: Map<String, Value> =
            self.subject.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        let key = self.key.map_or_else(by_hand::new_key, Ok)?;
        let body = json!({ "subject": subject, "amount": amount, "reason": self.reason });
        let path = ["v1", "budgets", budget, kind];
        print(
            &self.server.tell(&path, &key, &body)?,
            self.json,
            |answer| Ok(by_hand::sentence(answer) + "\n"),
        )
    }
}

fn listener(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected IP:PORT, such as 127.0.0.1:9090 or [::1]:9090".to_owned())
}

fn dimension(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected DIMENSION=VALUE, such as tenant=acme")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Milliseconds; a day at least, so that what is folded is over.
fn age(text: &str) -> Result<u64, String> {
    let age = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match u64::try_from(age.as_millis()) {
        Ok(ms) if ms >= DAY_MS => Ok(ms),
        _ => Err("expected 1d or more".to_owned()),
    }
}

/// Shorter ones lapse between two ticks of a healthy Envoy; longer ones strand what a dead one held.
fn lease_ttl(text: &str) -> Result<Duration, String> {
    let ttl = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(86_400);
    if allowed.contains(&ttl) { Ok(ttl) } else { Err("expected from 1s to 24h".to_owned()) }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Serve { policy, store, grpc, http, lease_ttl, keep_hours, keep_days, keep_months, edge } => {
            log_to_stderr();
            let keep = Retention { hours_ms: keep_hours, days_ms: keep_days, months_ms: keep_months };
            let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
            runtime.block_on(serve::serve(serve::Options {
                policy,
                store,
                grpc,
                http,
                lease_ttl,
                edge,
                keep,
            }))
        }
        Command::Check { policy } => check(&policy),
        Command::Usage { server, store, json, since, by } => {
            let report = match store {
                Some(store) => usage_of(&store, since.as_deref(), &by)?,
                None => {
                    let mut query = vec![("by", by.as_str())];
                    query.extend(since.as_deref().map(|since| ("since", since)));
                    server.ask("/v1/usage", &query)?
                }
            };
            print(&report, json, report::usage_table)
        }
        Command::Budgets { server, json } => {
            print(&server.ask("/v1/budgets", &[])?, json, report::budgets_table)
        }
        Command::TopUp { budget, amount, change } => change.make(&budget, "top-up", Some(&amount)),
        Command::Reset { budget, change } => change.make(&budget, "reset", None),
        Command::Audit { server, json, budget, before, limit } => {
            let (before, limit) = (before.map(|number| number.to_string()), limit.to_string());
            let mut query = vec![("limit", limit.as_str())];
            query.extend(budget.as_deref().map(|budget| ("budget", budget)));
            query.extend(before.as_deref().map(|before| ("before", before)));
            print(&server.ask("/v1/audit", &query)?, json, by_hand::audit_table)
        }
        Command::Backup { file, server, store } => {
            match store {
                Some(store) => store.backup(&file).map_err(|error| error.to_string())?,
                None => {
                    server.fetch("/v1/backup", &file)?;
                }
            }
            println!("{}: a backup of everything acknowledged before", file.display());
            Ok(())
        }
        Command::Token { name, role } => {
            let token = token::make()?;
            println!("{token}");
            // Apart from the token, which goes where it is needed: `tollkeeper token >FILE`.
            let hash = token::Hash::of(&token).hex();
            eprintln!("  - {{ name: {name}, role: {role}, sha256: {hash} }}");
            Ok(())
        }
    }
}

fn usage_of(store: &Location, since: Option<&str>, by: &str) -> Result<Value, String> {
    let query = Query::parse(since, Some(by), unix_ms())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let entries = runtime.block_on(store.ledger(query.since)).map_err(|error| error.to_string())?;
    if !entries.is_empty() {
        query.known(&entries, [])?;
    }
    Ok(Report::of(&entries, query).json())
}

fn print(answer: &Value, json: bool, table: impl Fn(&Value) -> Result<String, String>) -> Result<(), String> {
    if json {
        println!("{answer:#}");
    } else {
        print!("{}", table(answer)?);
    }
    Ok(())
}

fn check(path: &Path) -> Result<(), String> {
    let live_policy::Current { policy, doubts, .. } = live_policy::read(path)?;
    let count = policy.budgets.len();
    println!("{}: ok, version {}, {count} {}", path.display(), policy.version, plural("budget", count));
    for budget in &policy.budgets {
        println!("  {}", summary(budget));
    }
    for doubt in doubts {
        println!("{}: warning: {doubt}", path.display());
    }
    Ok(())
}

fn plural(word: &str, count: usize) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn summary(budget: &Budget) -> String {
    let per =
        if budget.per.is_empty() { "all together".into() } else { format!("each {}", budget.per.join(", ")) };
    let mut text = format!("{}: {} for {per}", budget.name, budget.says(budget.limit));
    for of_some in &budget.overrides {
        let when = of_some.when.iter().map(|of| format!("{} {}", of.dimension, of.values.join(" or ")));
        let when: Vec<String> = when.collect();
        text.push_str(&format!("; {} for {}", budget.unit.amount(of_some.limit), when.join(", ")));
    }
    text
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "info".into()))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

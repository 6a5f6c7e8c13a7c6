//! The functions the host offers, as a [`Host`].

use crate::HeaderMap;
use crate::grpc_service;
use crate::host::{Body, CallId, Expected, Headers, Host, HostError, LogLevel, MetricId, MetricKind, Result};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_done() -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, data: *const u8, data_size: usize)
    -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, pairs: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_grpc_call(
        service: *const u8,
        service_size: usize,
        name: *const u8,
        name_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        message: *const u8,
        message_size: usize,
        timeout_ms: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        cas: u32,
    ) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, metric: *mut u32) -> u32;
    fn proxy_increment_metric(metric: u32, by: i64) -> u32;
    fn proxy_record_metric(metric: u32, value: u64) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
}

/// Of WASI's clocks, the one that only goes forward: Envoy answers with the machine's (`CLOCK_MONOTONIC`), which all VMs
/// see alike. The standard library has it, too, but says only how much lies between two looks of the same VM.
const MONOTONIC: u32 = 1;

/// Envoy, behind the ABI.
#[derive(Debug)]
pub(crate) struct Envoy;

const REQUEST_STREAM: u32 = 0;
/// "Create, but only if absent", as the host's shared data reads it; 0 would overwrite whatever is there.
const CAS_ABSENT: u32 = u32::MAX;

fn check(status: u32) -> Result<()> {
    match status {
        0 => Ok(()),
        1 => Err(HostError::NotFound),
        2 => Err(HostError::BadArgument),
        8 => Err(HostError::CasMismatch),
        other => Err(HostError::Other(other)),
    }
}

const fn map_number(headers: Headers) -> u32 {
    match headers {
        Headers::Request => 0,
        Headers::Response => 2,
    }
}

const fn buffer_number(body: Body) -> u32 {
    match body {
        Body::Request => 0,
        Body::Response => 1,
        Body::CallAnswer => 5,
        Body::PluginConfiguration => 7,
    }
}

/// Memory that the host filled: it allocates through `proxy_on_memory_allocate` and leaves the block to us.
struct Returned {
    data: *mut u8,
    size: usize,
}

impl Returned {
    const fn nothing() -> Self {
        Returned { data: std::ptr::null_mut(), size: 0 }
    }

    fn into_vec(self) -> Vec<u8> {
        if self.data.is_null() || self.size == 0 {
            return Vec::new();
        }
        // SAFETY: the block was allocated by `exports::proxy_on_memory_allocate` as a `Vec<u8>` with exactly `size`
        // as its capacity, the host wrote `size` bytes into it and keeps no pointer to it.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

// SAFETY of all calls below: pointers and sizes come from live slices or locals that outlive the call, and the host
// only reads the inputs and writes the outputs during the call.
impl Host for Envoy {
    fn unix_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic_ns(&self) -> u64 {
        let mut ns = 0;
        match unsafe { clock_time_get(MONOTONIC, 1, &mut ns) } {
            0 => ns,
            // A host without it: better one that may jump than one that stands still.
            _ => self.unix_ms().saturating_mul(1_000_000),
        }
    }

    fn random(&self) -> u64 {
        // The standard library seeds this from the host's `random_get`.
        RandomState::new().build_hasher().finish()
    }

    fn log(&self, level: LogLevel, message: &str) {
        let level = match level {
            LogLevel::Info => 2,
            LogLevel::Warn => 3,
            LogLevel::Error => 4,
        };
        // A log line that the host does not take is lost; there is nobody else to tell.
        let _ = unsafe { proxy_log(level, message.as_ptr(), message.len()) };
    }

    fn header(&self, headers: Headers, name: &str) -> Result<Option<Vec<u8>>> {
        let mut value = Returned::nothing();
        let status = unsafe {
            proxy_get_header_map_value(
                map_number(headers),
                name.as_ptr(),
                name.len(),
                &mut value.data,
                &mut value.size,
            )
        };
        match check(status) {
            Ok(()) => Ok(Some(value.into_vec())),
            Err(HostError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn headers(&self, headers: Headers) -> Result<HeaderMap> {
        let mut pairs = Returned::nothing();
        let status =
            unsafe { proxy_get_header_map_pairs(map_number(headers), &mut pairs.data, &mut pairs.size) };
        check(status).map(|()| HeaderMap::new(pairs.into_vec()))
    }

    fn set_header(&self, headers: Headers, name: &str, value: &str) -> Result<()> {
        check(unsafe {
            proxy_replace_header_map_value(
                map_number(headers),
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        })
    }

    fn remove_header(&self, headers: Headers, name: &str) -> Result<()> {
        check(unsafe { proxy_remove_header_map_value(map_number(headers), name.as_ptr(), name.len()) })
    }

    fn body(&self, body: Body, length: usize) -> Result<Vec<u8>> {
        let mut value = Returned::nothing();
        let status = unsafe {
            proxy_get_buffer_bytes(buffer_number(body), 0, length, &mut value.data, &mut value.size)
        };
        check(status).map(|()| value.into_vec())
    }

    fn replace_body(&self, body: Body, length: usize, with: &[u8]) -> Result<()> {
        check(unsafe { proxy_set_buffer_bytes(buffer_number(body), 0, length, with.as_ptr(), with.len()) })
    }

    fn reply(&self, status: u32, headers: &[(&str, &str)], body: &[u8]) -> Result<()> {
        let headers = serialize_map(headers);
        let details = "tollkeeper";
        let no_grpc_status = -1;
        check(unsafe {
            proxy_send_local_response(
                status,
                details.as_ptr(),
                details.len(),
                body.as_ptr(),
                body.len(),
                headers.as_ptr(),
                headers.len(),
                no_grpc_status,
            )
        })
    }

    fn resume_request(&self) -> Result<()> {
        check(unsafe { proxy_continue_stream(REQUEST_STREAM) })
    }

    fn call(
        &self,
        cluster: &str,
        service: &str,
        method: &str,
        message: &[u8],
        timeout_ms: u32,
    ) -> Result<CallId> {
        let target = grpc_service::envoy_cluster(cluster);
        let metadata = serialize_map(&[]);
        let mut token = 0;
        let status = unsafe {
            proxy_grpc_call(
                target.as_ptr(),
                target.len(),
                service.as_ptr(),
                service.len(),
                method.as_ptr(),
                method.len(),
                metadata.as_ptr(),
                metadata.len(),
                message.as_ptr(),
                message.len(),
                timeout_ms,
                &mut token,
            )
        };
        check(status).map(|()| CallId(token))
    }

    fn act_on(&self, stream: u32) -> Result<()> {
        check(unsafe { proxy_set_effective_context(stream) })
    }

    fn shared_get(&self, key: &str) -> Result<Option<(Vec<u8>, Expected)>> {
        let mut value = Returned::nothing();
        let mut cas = 0;
        let status = unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), &mut value.data, &mut value.size, &mut cas)
        };
        match check(status) {
            Ok(()) => Ok(Some((value.into_vec(), Expected::Version(cas)))),
            Err(HostError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn shared_set(&self, key: &str, value: &[u8], expected: Expected) -> Result<()> {
        let cas = match expected {
            Expected::Absent => CAS_ABSENT,
            Expected::Version(0) => return Err(HostError::CasMismatch),
            Expected::Version(version) => version,
        };
        check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) })
    }

    fn property(&self, path: &[&str]) -> Result<Vec<u8>> {
        let path = path.join("\0");
        let mut value = Returned::nothing();
        let status =
            unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut value.data, &mut value.size) };
        check(status).map(|()| value.into_vec())
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId> {
        let kind = match kind {
            MetricKind::Counter => 0,
            MetricKind::Gauge => 1,
            MetricKind::Histogram => 2,
        };
        let mut metric = 0;
        check(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut metric) })
            .map(|()| MetricId(metric))
    }

    fn add_metric(&self, metric: MetricId, by: i64) -> Result<()> {
        check(unsafe { proxy_increment_metric(metric.0, by) })
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<()> {
        check(unsafe { proxy_record_metric(metric.0, value) })
    }

    fn close(&self) {
        // "Not found" says that nobody waits for it any more.
        let _ = unsafe { proxy_done() };
    }

    fn set_tick(&self, ms: u32) -> Result<()> {
        check(unsafe { proxy_set_tick_period_milliseconds(ms) })
    }
}

fn serialize_map(pairs: &[(&str, &str)]) -> Vec<u8> {
    HeaderMap::serialize(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

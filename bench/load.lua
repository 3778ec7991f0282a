-- What wrk sends, and the one line of JSON it tells at the end. Started by bench/generator.py as
--   wrk … -s load.lua URL -- METHOD PATH TAG BODYFILE [header value]…
-- With a TAG ("-": none) every request has a path of its own: PATH, the tag, a number. BODYFILE "-" is no body.

function init(args)
  wrk.method = args[1]
  wrk.path = args[2]
  if args[4] ~= "-" then
    local file = assert(io.open(args[4], "rb"))
    wrk.body = file:read("*a")
    file:close()
  end
  for at = 5, #args, 2 do
    wrk.headers[args[at]] = args[at + 1]
  end
  if args[3] ~= "-" then
    local prefix, sent = args[2] .. args[3] .. "-", 0
    -- wrk calls this for each request where it exists, and sends one prepared request where it does not.
    function request()
      sent = sent + 1
      return wrk.format(nil, prefix .. sent)
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.3f, "p90": %.3f, "p99": %.3f, "slowest": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

#!lua
-- Books a call at the first moment at which all that is booked stays within the rates.
-- KEYS: the hash of a subject, with a field "r<slot>" for requests and "t<slot>" for tokens
-- that are booked in a slot of time.
-- ARGV: 1 length of a slot in µs; 2 slots of the window; 3 slots of the burst;
--       4 requests of a window, 5 of a burst; 6 tokens of a window, 7 of a burst, 0 for no bound;
--       8 tokens of this call; 9 slots ahead of now that it may be booked at most.
-- Returns {1, µs from now}, or {0, µs until it can be asked again}.
-- Calls are booked in the order in which they ask: none goes before one that is booked. So
-- it is enough to look back from a slot.
local size, window, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens, ahead = tonumber(ARGV[8]), tonumber(ARGV[9])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local this = math.floor(now / size)

local used, last, old = {r = {}, t = {}}, this, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local kind, slot = string.sub(all[i], 1, 1), tonumber(string.sub(all[i], 2))
  if slot <= this - window then
    old[#old + 1] = all[i]
  else
    used[kind][slot] = tonumber(all[i + 1])
    last = math.max(last, slot)
  end
end
if #old > 0 then
  redis.call('HDEL', KEYS[1], unpack(old))
end

-- fits: a use of n in slot leaves the span of slots that ends there within limit. One that is
-- larger than the limit goes when there is nothing else.
local function fits(kind, slot, span, limit, n)
  if limit <= 0 then
    return true
  end
  local sum = math.min(n, limit)
  for s = slot - span + 1, slot do
    sum = sum + (used[kind][s] or 0)
  end
  return sum <= limit
end

local slot = last
while not (fits('r', slot, window, tonumber(ARGV[4]), 1) and fits('r', slot, burst, tonumber(ARGV[5]), 1)
  and fits('t', slot, window, tonumber(ARGV[6]), tokens) and fits('t', slot, burst, tonumber(ARGV[7]), tokens)) do
  slot = slot + 1
end
if slot > this + ahead then
  return {0, (slot - ahead) * size - now}
end
redis.call('HINCRBY', KEYS[1], 'r' .. slot, 1)
if tokens > 0 then
  redis.call('HINCRBY', KEYS[1], 't' .. slot, tokens)
end
redis.call('PEXPIRE', KEYS[1], math.ceil((math.max(slot, last) - this + window + 1) * size / 1000))
return {1, math.max(0, slot * size - now)}

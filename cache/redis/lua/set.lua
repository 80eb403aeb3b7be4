#!lua
-- (The first line has the whole refused when the memory is full, not a part of it.)
-- Sets a value with the epoch of its space, which is made if there is none, and lists it.
-- KEYS: epoch, value, list. ARGV: the value's bytes, its lifetime in ms, the longest
-- lifetime of any value in ms, an epoch that was never used.
-- The epoch lives for as long as any value that names it, so that it is not made anew
-- before they are gone; if it is lost all the same, they are not found any more. The list
-- has the values by the time at which they go, and lets go of those that went.
local epoch = redis.call('GET', KEYS[1])
if not epoch or #epoch ~= #ARGV[4] then
  epoch = ARGV[4]
  redis.call('SET', KEYS[1], epoch, 'PX', ARGV[3])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[3], 'GT')
end
redis.call('SET', KEYS[2], epoch .. ARGV[1], 'PX', ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], now + ARGV[2], KEYS[2])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return 1

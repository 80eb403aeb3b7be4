-- Forgets the values of one bucket of a space: none is found from now on, and a thousand of
-- them are removed. KEYS: epoch, list. Returns how many were removed; 1000 says that there
-- may be more. The values lie in the slot of both.
redis.call('UNLINK', KEYS[1])
local values = redis.call('ZRANGE', KEYS[2], 0, 999)
if #values == 0 then
  return 0
end
redis.call('ZREM', KEYS[2], unpack(values))
redis.call('UNLINK', unpack(values))
return #values

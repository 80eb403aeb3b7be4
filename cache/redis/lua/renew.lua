-- Lengthens a claim, if it is still its holder's. KEYS: claim. ARGV: token, lifetime in ms.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0

-- Makes changes if all is as their author saw it, and none if anything differs.
--
-- KEYS: every key that is looked at or changed. All share one hash tag, so that a Cluster has them on one node.
-- ARGV: how many checks there are, and for each: the command that reads (HGET or ZSCORE), which of KEYS, the field or
--       member, and what it has to be: '' for nothing, else '=' and the value.
--       Then, until the end, changes, each: how many words, the command, which of KEYS, the other words.
--
-- Answers an empty list when all checks held and all changes are made. Else nothing is changed, and the list has two
-- entries a check that failed: which one it is, from 1, and what is there, as above.
--
-- HINCRBY that would overflow leaves the largest number instead of failing. No other change can fail once the first has
-- succeeded: the keys are this program's own, and Redis refuses a script that may not write (no memory left, a replica,
-- a full disk) before its first change.

local at = 0
local function word()
  at = at + 1
  return ARGV[at]
end

local differs = {}
for check = 1, tonumber(word()) do
  local read, key, name, expected = word(), word(), word(), word()
  local there = redis.call(read, KEYS[tonumber(key)], name)
  there = there and '=' .. there or ''
  if there ~= expected then
    differs[#differs + 1] = check
    differs[#differs + 1] = there
  end
end

if #differs == 0 then
  while at < #ARGV do
    local words, command, key = tonumber(word()), word(), word()
    local change = { command, KEYS[tonumber(key)] }
    for other = 3, words do
      change[other] = word()
    end
    if command == 'HINCRBY' then
      local sum = redis.pcall(unpack(change))
      if type(sum) == 'table' and sum.err then
        redis.call('HSET', change[2], change[3], '9223372036854775807')
      end
    else
      redis.call(unpack(change))
    end
  end
end
return differs

-- Says who fills the queues: ARGV[1] asks to, for ARGV[2] milliseconds.
-- 0: somebody else does. 1: ARGV[1] did already and goes on. 2: it begins.
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then
	return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return leader and 1 or 2

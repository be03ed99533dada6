%% Ra on three Erlang nodes: commands of 256 bytes from closed-loop client processes on the leader's node.
%% The machine counts commands; the count is compared with what was acknowledged.
-module(ra_commits).
-behaviour(ra_machine).
-export([main/0, start_node/2, init/1, apply/3]).

init(_) -> 0.
apply(_Meta, {add, _Bytes}, Count) -> {Count + 1, Count + 1}.

main() ->
    logger:set_primary_config(level, none),
    Data = os:getenv("BENCH_DATA"),
    Peers = [start_peer(Name) || Name <- ["b", "c"]],
    Nodes = [node() | [Node || {_, Node} <- Peers]],
    [ok = rpc:call(Node, ?MODULE, start_node, [Data, Index]) || {Index, Node} <- lists:zip([1, 2, 3], Nodes)],
    Ids = [{bench, Node} || Node <- Nodes],
    {ok, _, _} = ra:start_cluster(default, bench, {module, ?MODULE, #{}}, Ids),
    Own = hd(Ids),
    ok = lead(Own, Ids, 50),
    Pids = [rpc:call(Node, os, getpid, []) || Node <- Nodes],
    Levels = [list_to_integer(L) || L <- string:tokens(os:getenv("BENCH_LEVELS"), ",")],
    {Hot, _, _, _} = load(Own, Pids, 64, number("BENCH_HEAT_MS"), 0),
    Loaded = [level(Own, Pids, Clients, number("BENCH_WARM_UP_MS"), number("BENCH_DURATION_MS")) || Clients <- Levels],
    Acknowledged = Hot + lists:sum(Loaded) + offer(Own, number("BENCH_RATE_PER_S"), number("BENCH_OFFERED_MS")),
    Counts = [count(Id, Acknowledged, 500) || Id <- Ids],
    io:format("verified ~b acknowledged, ~w in the states~n", [Acknowledged, Counts]),
    [peer:stop(Peer) || {Peer, _} <- Peers].

number(Variable) -> list_to_integer(os:getenv(Variable)).

%% What a member's own state counts, once it is what was acknowledged.
count(Id, Acknowledged, Tries) when Tries > 0 ->
    {ok, {_, Count}, _} = ra:local_query(Id, fun(State) -> State end),
    case Count >= Acknowledged of
        true -> Count;
        false -> timer:sleep(10), count(Id, Acknowledged, Tries - 1)
    end.

start_peer(Name) ->
    Paths = lists:append([["-pa", Path] || Path <- code:get_path(), string:find(Path, "ebin") =/= nomatch]),
    {ok, Peer, Node} = peer:start_link(#{name => list_to_atom("ra_" ++ Name ++ "_" ++ os:getpid()), host => "127.0.0.1",
                                         longnames => true,
                                         args => ["-pa", os:getenv("BENCH_FOLDER"), "-setcookie", "bench" | Paths]}),
    {Peer, Node}.

start_node(Data, Index) ->
    logger:set_primary_config(level, none),
    ok = application:load(ra),
    application:set_env(ra, data_dir, filename:join(Data, integer_to_list(Index))),
    {ok, _} = application:ensure_all_started(ra),
    {ok, _} = ra_system:start_default(),
    ok.

%% Makes this node's member the leader, since that is where the clients are.
lead(Own, Ids, Tries) when Tries > 0 ->
    case ra:members(Own) of
        {ok, _, Own} -> ok;
        {ok, _, Leader} -> ra:transfer_leadership(Leader, Own), timer:sleep(100), lead(Own, Ids, Tries - 1);
        _ -> timer:sleep(100), lead(Own, Ids, Tries - 1)
    end.

%% How many were acknowledged, how many of them within the duration, the latencies of those that began within it, in
%% microseconds, and what all threads had of the processors meanwhile: time running and time waiting, in nanoseconds.
load(Own, Pids, Clients, WarmUp, Duration) ->
    From = erlang:monotonic_time(microsecond) + WarmUp * 1000,
    Until = From + Duration * 1000,
    Self = self(),
    Bytes = binary:copy(<<7>>, 256),
    [spawn_link(fun() -> Self ! {client, client(Own, Bytes, From, Until, 0, 0, [])} end) || _ <- lists:seq(1, Clients)],
    timer:sleep(WarmUp),
    Before = use(Pids),
    timer:sleep(Duration),
    Use = lists:zipwith(fun(After, Earlier) -> After - Earlier end, use(Pids), Before),
    Results = [receive {client, Result} -> Result end || _ <- lists:seq(1, Clients)],
    {All, Counted, Latencies} = lists:unzip3(Results),
    {lists:sum(All), lists:sum(Counted), lists:append(Latencies), Use}.

level(Own, Pids, Clients, WarmUp, Duration) ->
    {Acknowledged, Counted, Latencies, [Used, Waited]} = load(Own, Pids, Clients, WarmUp, Duration),
    io:format("figure rate-~b ~.1f~n", [Clients, Counted * 1000.0 / Duration]),
    io:format("figure processor-~b ~.3f~n", [Clients, Used / 1000 / max(1, Counted)]),
    io:format("figure wait-~b ~.3f~n", [Clients, Waited / 1000 / max(1, Counted)]),
    io:format("times commit-~b ~w~n", [Clients, [Time / 1000 || Time <- Latencies]]),
    Acknowledged.

%% The kernel's count for every thread of these processes.
use(Pids) ->
    Threads = [Path || Pid <- Pids, Path <- filelib:wildcard("/proc/" ++ Pid ++ "/task/*/schedstat")],
    Uses = [[list_to_integer(Part) || Part <- string:lexemes(binary_to_list(Text), " \n")]
            || Path <- Threads, {ok, Text} <- [file:read_file(Path)]],
    [lists:sum([Used || [Used | _] <- Uses]), lists:sum([Waited || [_, Waited | _] <- Uses])].

client(Own, Bytes, From, Until, All, Counted, Latencies) ->
    Sent = erlang:monotonic_time(microsecond),
    case Sent >= Until of
        true -> {All, Counted, Latencies};
        false ->
            {ok, _, _} = ra:process_command(Own, {add, Bytes}, 10000),
            Now = erlang:monotonic_time(microsecond),
            Within = case Now >= From andalso Now < Until of true -> 1; false -> 0 end,
            Kept = case Sent >= From of true -> [Now - Sent | Latencies]; false -> Latencies end,
            client(Own, Bytes, From, Until, All + 1, Counted + Within, Kept)
    end.

%% Commands at a fixed rate, whatever the answers do, each by a process of its own and timed from when it was due.
offer(_, 0, _) -> 0;
offer(Own, Rate, Duration) ->
    Start = erlang:monotonic_time(microsecond),
    Count = max(1, Rate * Duration div 1000),
    Self = self(),
    Bytes = binary:copy(<<7>>, 256),
    [offer_at(Start + I * 1000000 div Rate, Own, Bytes, Self) || I <- lists:seq(0, Count - 1)],
    Latencies = [receive {offered, Latency} -> Latency end || _ <- lists:seq(1, Count)],
    io:format("times offered ~w~n", [[Time / 1000 || Time <- Latencies]]),
    Count.

offer_at(Due, Own, Bytes, Self) ->
    case Due - erlang:monotonic_time(microsecond) of
        Early when Early > 2000 -> timer:sleep((Early - 1000) div 1000), offer_at(Due, Own, Bytes, Self);
        Early when Early > 0 -> erlang:yield(), offer_at(Due, Own, Bytes, Self);
        _ ->
            spawn_link(fun() ->
                {ok, _, _} = ra:process_command(Own, {add, Bytes}, 10000),
                Self ! {offered, erlang:monotonic_time(microsecond) - Due}
            end)
    end.

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
    Levels = [list_to_integer(L) || L <- string:tokens(os:getenv("BENCH_LEVELS"), ",")],
    Heat = list_to_integer(os:getenv("BENCH_HEAT_MS")),
    WarmUp = list_to_integer(os:getenv("BENCH_WARM_UP_MS")),
    Duration = list_to_integer(os:getenv("BENCH_DURATION_MS")),
    {Hot, _} = load(Own, 64, Heat, 0),
    Acknowledged = Hot + lists:sum([level(Own, Clients, WarmUp, Duration) || Clients <- Levels]),
    {ok, {_, Count}, _} = ra:leader_query(Own, fun(State) -> State end),
    true = Count >= Acknowledged,
    io:format("verified ~b acknowledged, ~b in the leader's state~n", [Acknowledged, Count]),
    [peer:stop(Peer) || {Peer, _} <- Peers].

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

%% How many were acknowledged, and the latencies of those within the duration, in microseconds.
load(Own, Clients, WarmUp, Duration) ->
    From = erlang:monotonic_time(microsecond) + WarmUp * 1000,
    Until = From + Duration * 1000,
    Self = self(),
    Bytes = binary:copy(<<7>>, 256),
    [spawn_link(fun() -> Self ! {client, client(Own, Bytes, From, Until, 0, [])} end) || _ <- lists:seq(1, Clients)],
    Results = [receive {client, Result} -> Result end || _ <- lists:seq(1, Clients)],
    {lists:sum([All || {All, _} <- Results]), lists:sort(lists:append([L || {_, L} <- Results]))}.

level(Own, Clients, WarmUp, Duration) ->
    {Acknowledged, Latencies} = load(Own, Clients, WarmUp, Duration),
    Counted = length(Latencies),
    io:format("figure rate-~b ~.1f~n", [Clients, Counted * 1000.0 / Duration]),
    io:format("figure p50-~b ~.4f~n", [Clients, at(Latencies, Counted, 0.5) / 1000]),
    io:format("figure p99-~b ~.4f~n", [Clients, at(Latencies, Counted, 0.99) / 1000]),
    Acknowledged.

at(_, 0, _) -> 0.0;
at(Latencies, Count, Fraction) -> lists:nth(max(1, ceil(Fraction * Count)), Latencies).

client(Own, Bytes, From, Until, All, Latencies) ->
    Sent = erlang:monotonic_time(microsecond),
    case Sent >= Until of
        true -> {All, Latencies};
        false ->
            {ok, _, _} = ra:process_command(Own, {add, Bytes}, 10000),
            Now = erlang:monotonic_time(microsecond),
            Counts = Now >= From andalso Now < Until,
            client(Own, Bytes, From, Until, All + 1, case Counts of true -> [Now - Sent | Latencies]; false -> Latencies end)
    end.

%% Two Erlang nodes on loopback: one-way sends and round trips of a binary of 100 bytes.
-module(distribution).
-export([main/0, count/2, echo/0]).

main() ->
    N = list_to_integer(os:getenv("BENCH_COUNT")),
    What = os:getenv("BENCH_WHAT"),
    Folder = os:getenv("BENCH_FOLDER"),
    {ok, Peer, Node} = peer:start_link(#{name => list_to_atom("bench_b_" ++ os:getpid()), host => "127.0.0.1",
                                         args => ["-pa", Folder, "-setcookie", "bench"], longnames => true}),
    pong = net_adm:ping(Node),
    Bytes = binary:copy(<<"n">>, 100),
    run(What, Node, Bytes, N div 10),
    report(What, run(What, Node, Bytes, N), N),
    peer:stop(Peer).

report("oneway", Micros, N) ->
    io:format("figure rate ~.1f~nverified ~b messages counted by the other node~n", [N * 1.0e6 / Micros, N]);
report("pingpong", Times, N) ->
    N = length(Times),
    io:format("times trip ~w~nverified ~b came back~n", [Times, N]).

run("oneway", Node, Bytes, N) ->
    Counter = spawn(Node, ?MODULE, count, [N, self()]),
    {Micros, ok} = timer:tc(fun() -> send(Counter, Bytes, N), receive counted -> ok end end),
    Micros;
run("pingpong", Node, Bytes, N) ->
    Echo = spawn(Node, ?MODULE, echo, []),
    [trip(Echo, Bytes) || _ <- lists:seq(1, N)].

count(0, To) -> To ! counted;
count(N, To) -> receive _ -> count(N - 1, To) end.

echo() -> receive {From, Bytes} -> From ! Bytes, echo() end.

send(_, _, 0) -> ok;
send(To, Bytes, N) -> To ! Bytes, send(To, Bytes, N - 1).

%% In microseconds.
trip(Echo, Bytes) ->
    Start = erlang:monotonic_time(nanosecond),
    Echo ! {self(), Bytes},
    receive Bytes -> ok end,
    (erlang:monotonic_time(nanosecond) - Start) / 1000.

%% Processes of one Erlang node: one-way sends, ping-pong, spawn to stop, and bytes per process.
%% Which of them, and how many, comes in the environment.
-module(actors).
-export([main/0]).
%% Messages that are sent before the receiver is waited for: as many as every other subject sends.
-define(BATCH, 10000).

main() ->
    N = list_to_integer(os:getenv("BENCH_COUNT")),
    run(os:getenv("BENCH_WHAT"), N div 4),
    run(os:getenv("BENCH_WHAT"), N, report).

run(What, N) -> measure(What, N).

run(What, N, report) ->
    {Micros, Note} = measure(What, N),
    Name = case What of "spawn" -> "reducer"; _ -> "rate" end,
    io:format("figure ~s ~.1f~n", [Name, N * 1.0e6 / Micros]),
    io:format("verified ~s~n", [Note]).

measure("oneway", N) ->
    Self = self(),
    Counter = spawn(fun() -> count(0, Self) end),
    {Micros, Got} = timer:tc(fun() -> batches(Counter, N) end),
    N = Got,
    {Micros, io_lib:format("~b messages counted by the receiver", [Got])};
measure("pingpong", N) ->
    Self = self(),
    Pong = spawn(fun() -> echo(0) end),
    {Micros, ok} = timer:tc(fun() -> rally(Pong, Self, N) end),
    Pong ! {stop, Self},
    receive {seen, N} -> ok end,
    {Micros, io_lib:format("~b round trips counted by the other side", [N])};
measure("spawn", N) ->
    {Micros, ok} = timer:tc(fun() -> lives(N) end),
    {Micros, io_lib:format("~b ends told by monitors", [N])}.

count(I, To) -> receive add -> count(I + 1, To); told -> To ! {counted, I}, count(I, To) end.

%% Each batch is over when the receiver says so, with all that it has counted.
batches(Counter, N) ->
    Batch = min(N, ?BATCH),
    send(Counter, Batch),
    Counter ! told,
    Counted = receive {counted, C} -> C end,
    case N - Batch of 0 -> Counted; Left -> batches(Counter, Left) end.

send(_, 0) -> ok;
send(To, N) -> To ! add, send(To, N - 1).

echo(I) ->
    receive
        {ball, From} -> From ! ball, echo(I + 1);
        {stop, From} -> From ! {seen, I}
    end.

rally(_, _, 0) -> ok;
rally(Pong, Self, N) -> Pong ! {ball, Self}, receive ball -> rally(Pong, Self, N - 1) end.

lives(0) -> ok;
lives(N) ->
    Batch = min(N, 1000),
    Born = [spawn_monitor(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, Batch)],
    [Pid ! stop || {Pid, _} <- Born],
    [receive {'DOWN', Ref, process, _, normal} -> ok end || {_, Ref} <- Born],
    lives(N - Batch).

%% One event to every member of a process group of one node, each of which counts what it has had.
-module(broadcast).
-export([main/0]).

-define(BURST, 10).

main() ->
    Members = list_to_integer(os:getenv("BENCH_COUNT")),
    Events = list_to_integer(os:getenv("BENCH_EVENTS")),
    {ok, _} = pg:start_link(),
    Self = self(),
    Pids = [spawn(fun() -> member(0, Self) end) || _ <- lists:seq(1, Members)],
    ok = pg:join(ticks, Pids),
    run(Events, Members),
    {Micros, ok} = timer:tc(fun() -> run(Events, Members) end),
    [P ! {count, Self} || P <- Pids],
    Total = 2 * Events div ?BURST * ?BURST,
    [receive {had, Total} -> ok end || _ <- Pids],
    io:format("figure rate ~.1f~n", [Events div ?BURST * ?BURST * Members * 1.0e6 / Micros]),
    io:format("verified each of ~b members counted ~b events~n", [Members, Total]).

%% A burst is over when every member has said that it had its last event.
run(Events, _) when Events < ?BURST -> ok;
run(Events, Members) ->
    publish(?BURST - 1, tick),
    publish(1, {last, self()}),
    wait(Members),
    run(Events - ?BURST, Members).

publish(0, _) -> ok;
publish(N, Event) -> [P ! Event || P <- pg:get_local_members(ticks)], publish(N - 1, Event).

wait(0) -> ok;
wait(N) -> receive had_last -> wait(N - 1) end.

member(N, Owner) ->
    receive
        tick -> member(N + 1, Owner);
        {last, From} -> From ! had_last, member(N + 1, Owner);
        {count, From} -> From ! {had, N}, member(N, Owner)
    end.

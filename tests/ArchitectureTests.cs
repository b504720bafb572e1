using System.Reflection;
using Xunit;

namespace Hostdev.Tests;

/// <summary>The plan of the house, held: which project and which room may use which. Every failure names file and line.</summary>
public sealed partial class ArchitectureTests
{
    private const int MostLines = 500;
    private const int MostColumns = 140; // .editorconfig says it to editors and to the formatter

    /// <summary>
    /// What each project may refer to directly. A new project gets a line here: that is the moment to decide where it stands.
    /// </summary>
    private static readonly Dictionary<string, string[]> Projects = new()
    {
        ["kube"] = [],
        ["crds"] = ["kube"],
        ["telemetry"] = [], // its packages are nobody else's
        ["planning"] = ["crds"],
        ["projection"] = ["kube", "crds"],
        ["operator"] = ["kube", "crds", "telemetry", "projection"],
        ["device-plugin"] = ["kube", "crds", "telemetry", "planning"], // never the operator, and the operator never this
        // what an admin's own machine runs: neither of the programs that it asks about
        ["kubectl"] = ["kube", "crds", "planning", "projection"],
        ["hack/sandbox"] = ["kube", "crds", "telemetry", "operator", "device-plugin", "kubectl"],
        ["hack/bench.d"] = ["hack/sandbox"],
        ["hack/bench.d/plugin"] = ["device-plugin"], // compiled native, which the sandbox is not made for
        ["hack/chart.d/check"] = [], // real Kubernetes types; the product's client has types of the same names
        ["tests/kubernetes-client-peer"] = [], // a stranger: it knows the API alone
        ["tests"] = ["kube", "crds", "telemetry", "operator", "device-plugin", "kubectl", "hack/sandbox", "tests/kubernetes-client-peer"],
    };

    private static readonly Dictionary<string, string> RootNamespaces = new()
    {
        ["kube"] = "Hostdev.Kube",
        ["crds"] = "Hostdev.Crds",
        ["telemetry"] = "Hostdev.Telemetry",
        ["planning"] = "Hostdev.Planning",
        ["projection"] = "Hostdev.Projection",
        ["operator"] = "Hostdev.Operator",
        ["device-plugin"] = "Hostdev.DevicePlugin",
        ["kubectl"] = "Hostdev.Kubectl",
        ["hack/sandbox"] = "Hostdev.Sandbox",
        ["hack/bench.d"] = "Hostdev.Benchmarks",
        ["hack/bench.d/plugin"] = "Hostdev.BenchPlugin",
        ["hack/chart.d/check"] = "Hostdev.Charts",
        ["tests/kubernetes-client-peer"] = "Hostdev.KubernetesClientPeer",
        ["tests"] = "Hostdev.Tests",
    };

    /// <summary>
    /// The agent's rooms, and which others each may use. What is not listed is forbidden. Planning is a library, and stands among them
    /// because not every room may decide by it.
    /// </summary>
    private static readonly Dictionary<string, string[]> Rooms = new()
    {
        ["Planning"] = [],
        ["Host"] = [],
        ["Inventory"] = ["Planning", "Host"],
        ["Usage"] = ["Planning", "Host", "Inventory"],
        ["Applying"] = ["Planning", "Host", "Usage"],
        ["Offering"] = ["Planning"],
        ["Kubelet"] = ["Offering"],
        ["Allocating"] = ["Planning", "Host", "Inventory", "Usage", "Applying", "Offering"],
        ["Following"] = ["Planning", "Host"],
        ["Reporting"] = ["Planning", "Host", "Offering", "Kubelet", "Following"],
        ["Agent"] = ["Planning", "Host", "Inventory", "Usage", "Applying", "Offering", "Kubelet", "Allocating", "Following", "Reporting"],
        ["Commands"] =
        [
            "Planning",
            "Host",
            "Inventory",
            "Usage",
            "Applying",
            "Offering",
            "Kubelet",
            "Allocating",
            "Following",
            "Reporting",
            "Agent",
        ],
    };

    /// <summary>
    /// Folders without I/O, clock and randomness (.editorconfig, BannedSymbols.txt). Those that are not built yet count from their first
    /// file on.
    /// </summary>
    private static readonly string[] PureFolders =
    [
        "crds",
        "kube/Meta",
        "planning",
        "projection",
        "device-plugin/Offering",
        "kubectl/Answers",
        "kubectl/Printing",
        "hack/sandbox/ApiServer/Schema",
    ];

    [Fact]
    public void Every_project_refers_only_to_projects_below_it()
    {
        var findings = new List<string>();
        foreach (var project in ProjectFiles())
        {
            var folder = System.IO.Path.GetDirectoryName(project)!;
            if (!Projects.TryGetValue(folder, out var allowed))
            {
                findings.Add(
                    $"{project}:1: {folder} has no place among the projects: add it to ArchitectureTests.Projects with what it may refer to"
                );
                continue;
            }

            var lines = File.ReadAllLines(Repository.Path(project));
            for (var i = 0; i < lines.Length; i++)
            {
                if (ProjectReference().Match(lines[i]) is not { Success: true } match)
                    continue;
                var target = Relative(
                    System.IO.Path.GetFullPath(
                        System.IO.Path.Combine(
                            Repository.Path(folder),
                            System.IO.Path.GetDirectoryName(match.Groups[1].Value.Replace('\\', '/'))!
                        )
                    )
                );
                if (!allowed.Contains(target))
                    findings.Add($"{project}:{i + 1}: {folder} refers to {target}, but may refer only to {Or(allowed)}");
            }
        }

        None(findings);
    }

    [Fact]
    public void Every_project_is_in_the_solution_and_the_solution_names_no_other()
    {
        var lines = File.ReadAllLines(Repository.Path("Operator.sln"));
        var listed = lines
            .Select((text, i) => (Match: SolutionProject().Match(text), Line: i + 1))
            .Where(t => t.Match.Success)
            .ToDictionary(t => t.Match.Groups[1].Value.Replace('\\', '/'), t => t.Line);
        var there = ProjectFiles().ToHashSet();
        None(
            there
                .Where(p => !listed.ContainsKey(p))
                .Select(p => $"{p}:1: is not in Operator.sln: dotnet sln Operator.sln add {p}")
                .Concat(
                    listed
                        .Where(l => !there.Contains(l.Key))
                        .Select(l => $"Operator.sln:{l.Value}: names {l.Key}, which is not there: dotnet sln Operator.sln remove {l.Key}")
                )
        );
    }

    [Fact]
    public void A_file_has_the_namespace_of_its_folder()
    {
        var findings = new List<string>();
        foreach (var file in Sources())
        {
            if (
                RootNamespaces.Keys.Where(p => file.Path.StartsWith(p + "/", StringComparison.Ordinal)).MaxBy(p => p.Length)
                is not { } project
            )
                continue;
            var below = System.IO.Path.GetDirectoryName(file.Path[(project.Length + 1)..])!.Replace('/', '.');
            var expected = below.Length == 0 ? RootNamespaces[project] : $"{RootNamespaces[project]}.{below}";
            findings.AddRange(
                file.Code.Select((code, i) => (Match: Namespace().Match(code), Line: i + 1))
                    .Where(t => t.Match.Success && t.Match.Groups[1].Value != expected)
                    .Select(t =>
                        $"{file.Path}:{t.Line}: has the namespace {t.Match.Groups[1].Value} in the folder of "
                        + $"{expected}: move one of the two"
                    )
            );
        }

        None(findings);
    }

    [Fact]
    public void The_contract_and_the_shared_layer_know_nobody_above_them()
    {
        None(
            Mentions("kube", @"\bHostdev\.(?!Kube\b)(\w+)", m => $"kube knows none of ours, and names Hostdev.{m}")
                .Concat(
                    Mentions(
                        "kube/Meta",
                        @"\bHostdev\.Kube\.(?!Meta\b)(\w+)",
                        m => $"kube/Meta is pure and stands alone, and names Hostdev.Kube.{m}"
                    )
                )
                .Concat(
                    Mentions(
                        "crds",
                        @"\bHostdev\.(?!Crds\b|Kube\.Meta\b)([\w.]+)",
                        m => $"crds may use kube/Meta only, and names Hostdev.{m}"
                    )
                )
        );
    }

    [Fact]
    public void The_operator_and_the_agent_never_see_each_other()
    {
        None(
            Mentions(
                    "operator",
                    @"\b(Hostdev\.(?:DevicePlugin|Planning|Sandbox)\b[\w.]*)",
                    m => $"the operator never touches hosts, and names {m}"
                )
                .Concat(
                    Mentions(
                        "device-plugin",
                        @"\b(Hostdev\.(?:Operator|Projection|Sandbox)\b[\w.]*)",
                        m => $"the agent knows only its node's spec, and names {m}"
                    )
                )
        );
    }

    [Fact]
    public void The_agent_has_no_rooms_but_the_known_ones()
    {
        None(
            AgentSources()
                .Where(f => Room(f.Path) is not { } room ? f.Path != "device-plugin/Program.cs" : !Rooms.ContainsKey(room))
                .Select(f =>
                    $"{f.Path}:1: is in no known room of the agent: move it into one, or add the room to "
                    + "ArchitectureTests.Rooms and to an ADR"
                )
        );
    }

    [Fact]
    public void Rooms_that_use_each_other_are_one_room()
    {
        var reached = Rooms.Keys.ToDictionary(r => r, r => new HashSet<string>());
        void Walk(string from, string at)
        {
            foreach (var next in Rooms[at].Where(reached[from].Add))
                Walk(from, next);
        }

        foreach (var room in Rooms.Keys)
            Walk(room, room);
        None(
            Rooms
                .Keys.Where(r => reached[r].Contains(r))
                .Select(r => $"{r} uses itself by way of {Or([.. reached[r].Where(o => reached[o].Contains(r))])}")
        );
    }

    [Fact]
    public void The_table_of_the_house_has_every_room_with_what_it_may_use()
    {
        var rows = File.ReadAllLines(Repository.Path("docs", "house.md"))
            .Select(l => TableRow().Match(l))
            .Where(m => m.Success)
            .ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
        string Said(string[] rooms) => rooms.Length == 0 ? "nothing" : string.Join(", ", rooms);
        None(
            Rooms
                .Where(r => rows.GetValueOrDefault(r.Key) is not { } row || (row != "all of the above" && row != Said(r.Value)))
                .Select(r => $"docs/house.md:1: the row of {r.Key} must end with | {Said(r.Value)} |")
        );
    }

    public static TheoryData<string> RoomNames => [.. Rooms.Keys];

    [Theory]
    [MemberData(nameof(RoomNames))]
    public void A_room_of_the_agent_names_only_rooms_it_may_use(string room)
    {
        var types = DeclaredTypes();
        var findings = new List<string>();
        foreach (var file in AgentSources().Where(f => Room(f.Path) == room))
        {
            for (var i = 0; i < file.Code.Length; i++)
            {
                // Full names, and names from the common namespace on (Host.DurableFile), where the second word really is something of that
                // room.
                var full = FullName().Matches(file.Code[i]).Select(m => m.Groups[1].Value);
                var relative = RelativeName()
                    .Matches(file.Code[i])
                    .Where(m => types.GetValueOrDefault(m.Groups[2].Value, []).Any(t => Room(t.Path) == m.Groups[1].Value))
                    .Select(m => m.Groups[1].Value);
                foreach (var other in full.Concat(relative).Distinct().Where(o => o != room && !Rooms[room].Contains(o)))
                    findings.Add($"{file.Path}:{i + 1}: {room} may use {Or(Rooms[room])}, and names {other}: {file.Text[i].Trim()}");
                if (file.Code[i].Contains("global using Hostdev", StringComparison.Ordinal))
                    findings.Add($"{file.Path}:{i + 1}: a global using opens a room to all others: write the using where it is needed");
            }
        }

        None(findings);
    }

    /// <summary>What a scan of names misses: <c>var</c> and inference carry types of another room in without naming it.</summary>
    [Fact]
    public void A_room_of_the_agent_holds_no_values_of_a_room_that_it_may_not_use()
    {
        var types = DeclaredTypes();
        Assembly[] ours = [typeof(DevicePlugin.Agent.AgentHost).Assembly, typeof(Hostdev.Planning.Planner).Assembly];
        var findings = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var type in ours.SelectMany(a => a.GetTypes()))
        {
            if (RoomOf(type) is not { } room || !Rooms.TryGetValue(room, out var allowed))
                continue;
            foreach (var (member, used) in UsedTypes(type).SelectMany(u => Parts(u.Type).Select(t => (u.Member, t))))
            {
                if (!ours.Contains(used.Assembly) || RoomOf(used) is not { } other || other == room || allowed.Contains(other))
                    continue;
                var name = Outermost(type).Name.Split('`')[0];
                var place =
                    types.GetValueOrDefault(name, []).Where(t => Room(t.Path) == room).Select(t => $"{t.Path}:{t.Line}").FirstOrDefault()
                    ?? $"device-plugin/{room}";
                findings.Add($"{place}: {name}.{member} holds a {used.Name} of {other}, and {room} may use only {Or(allowed)}");
            }
        }

        None(findings);
    }

    /// <summary>
    /// Style 1: effects are called Reader, Writer, Executor, Server or Client. Projection may use all of kube, which is full of them, so
    /// its arrow alone does not keep it pure.
    /// </summary>
    [Fact]
    public void What_decides_names_nothing_that_has_effects()
    {
        var effects = DeclaredTypes()
            .Where(t => EffectName().IsMatch(t.Key) && t.Value.Any(d => IsIn(d.Path, "device-plugin", "kube")))
            .Select(t => t.Key)
            .ToHashSet();
        Assert.NotEmpty(effects);
        None(
            Sources()
                .Where(f => IsIn(f.Path, "planning", "projection", "device-plugin/Offering"))
                .SelectMany(f =>
                    f.Code.SelectMany(
                        (code, i) =>
                            Word()
                                .Matches(code)
                                .Where(m => effects.Contains(m.Value))
                                .Select(m => $"{f.Path}:{i + 1}: is pure, and names {m.Value}: take what it reads as a parameter")
                    )
                )
        );
    }

    [Fact]
    public void Banned_symbols_are_errors_in_every_file_of_the_pure_folders()
    {
        var sections = EditorConfigSections();
        var pure = Sources().Where(f => IsIn(f.Path, PureFolders)).ToList();
        Assert.NotEmpty(pure);
        var findings = new List<string>();
        foreach (var file in pure)
        {
            var last = sections.LastOrDefault(s => s.Glob.IsMatch(file.Path));
            if (last.Severity != "error")
                findings.Add(
                    $".editorconfig:{last.Line}: RS0030 is {last.Severity ?? "not set"} for {file.Path}, which is "
                        + "pure: name its folder in the section of the pure rooms, with = error"
                );
            findings.AddRange(
                file.Text.Select((text, i) => (text, Line: i + 1))
                    .Where(t => t.text.Contains("RS0030", StringComparison.Ordinal))
                    .Select(t => $"{file.Path}:{t.Line}: switches the banned symbols off in a pure folder: take the value as a parameter")
            );
        }

        None(findings);
    }

    [Fact]
    public void The_list_of_banned_symbols_is_used_and_covers_files_sockets_processes_clocks_and_randomness()
    {
        var props = File.ReadAllText(Repository.Path("Directory.Build.props"));
        Assert.Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", props, StringComparison.Ordinal);
        Assert.Contains("AdditionalFiles Include=\"$(MSBuildThisFileDirectory)BannedSymbols.txt\"", props, StringComparison.Ordinal);
        var banned = File.ReadAllLines(Repository.Path("BannedSymbols.txt")).Select(l => l.Split(';')[0]).ToHashSet();
        string[] needed =
        [
            "T:System.IO.File",
            "T:System.IO.Directory",
            "T:System.IO.FileStream",
            "T:System.Net.Sockets.Socket",
            "T:System.Diagnostics.Process",
            "P:System.DateTimeOffset.UtcNow",
            "P:System.DateTime.UtcNow",
            "T:System.Random",
            "T:System.Environment",
        ];
        None(needed.Where(n => !banned.Contains(n)).Select(n => $"BannedSymbols.txt:1: lacks {n}"));
    }

    [Fact]
    public void No_source_file_is_longer_than_500_lines() =>
        None(
            Sources()
                .Where(f => f.Text.Length > MostLines)
                .Select(f => $"{f.Path}:{MostLines + 1}: has {f.Text.Length} lines: divide it by what changes together")
        );

    /// <summary>What the formatter (hack/format) cannot break: comments, and texts in quotes.</summary>
    [Fact]
    public void No_line_is_longer_than_140_columns() =>
        None(
            Sources()
                .SelectMany(f =>
                    f.Text.Select((text, i) => (text.Length, Line: i + 1))
                        .Where(l => l.Length > MostColumns)
                        .Select(l => $"{f.Path}:{l.Line}: has {l.Length} columns, and {MostColumns} are shown: wrap or name a part of it")
                )
        );

    [Fact]
    public void No_type_is_called_Manager_Helper_or_Util() =>
        None(
            DeclaredTypes()
                .Where(t => VagueName().IsMatch(t.Key))
                .SelectMany(t =>
                    t.Value.Select(d =>
                        $"{d.Path}:{d.Line}: {t.Key} says nothing of what it is: name the thing, or what it reads, writes or executes"
                    )
                )
        );
}

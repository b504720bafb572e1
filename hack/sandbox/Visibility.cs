using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("hostdev-tests")]
[assembly: InternalsVisibleTo("hostdev-bench")]

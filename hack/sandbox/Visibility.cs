using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("hostdev-tests")]

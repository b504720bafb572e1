using System.Runtime.CompilerServices;

// The decisions and text forms of this folder are tested one by one, and are nobody else's API.
[assembly: InternalsVisibleTo("hostdev-tests")]

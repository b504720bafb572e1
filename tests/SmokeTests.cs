using Xunit;
namespace Hostdev.Tests;
public sealed class SmokeTests { [Fact] public void A_b() => Assert.Equal(2, 1 + 1); }

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>A column of <c>kubectl get</c>, one entry of <c>additionalPrinterColumns</c>.</summary>
/// <param name="Type"><c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c> or <c>date</c> (shown as an age).</param>
/// <param name="JsonPath">From the object on: <c>.status.conditions[?(@.type=="Ready")].status</c>.</param>
/// <param name="Priority">0 is shown always, more than 0 with <c>-o wide</c>.</param>
public sealed record PrinterColumn(
    string Name,
    string Type,
    string JsonPath,
    string Description = "",
    string Format = "",
    int Priority = 0
);

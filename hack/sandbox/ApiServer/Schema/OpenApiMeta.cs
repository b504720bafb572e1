using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>What all objects share, described: metadata of objects and lists.</summary>
internal static class OpenApiMeta
{
    public const string ApiVersion =
        "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
        + "recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
        + "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
    public const string Kind =
        "Kind is a string value representing the REST resource this object represents. Servers may infer this "
        + "from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
        + "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

    private static readonly (string Name, string Type, string Description)[] s_object =
    [
        ("name", "string", "Unique within the namespace, or the cluster where the kind has none. Cannot be changed."),
        ("generateName", "string", "A prefix to which the server adds five characters when no name is given."),
        ("namespace", "string", "The space within which the name is unique. Cannot be changed."),
        ("uid", "string", "Given by the server when the object is created; another one means another object, of whatever name."),
        ("resourceVersion", "string", "Changes with the object. Opaque: equal or not, never more or less."),
        ("generation", "integer", "Counts the changes of what is desired. Given by the server."),
        ("creationTimestamp", "date-time", "When the object was created. Given by the server."),
        ("deletionTimestamp", "date-time", "When the object was asked to go; it goes once its finalizers have. Given by the server."),
        ("deletionGracePeriodSeconds", "integer", "How long it may take to end, in seconds. Given by the server."),
        ("selfLink", "string", "No longer given by any server."),
    ];

    /// <summary>Each schema by its name.</summary>
    /// <param name="reference">How a schema refers to another in the document's version.</param>
    public static IEnumerable<KeyValuePair<string, JsonObject>> Schemas(Func<string, JsonObject> reference) =>
        [
            new(OpenApiNames.ObjectMeta, ObjectMeta(reference)),
            new(
                OpenApiNames.ListMeta,
                Object(
                    "ListMeta describes a list.",
                    ("continue", Text("Where the next page begins; empty on the last one.")),
                    ("remainingItemCount", Number("How many objects follow.")),
                    ("resourceVersion", Text("The state that was listed.")),
                    ("selfLink", Text("No longer given by any server."))
                )
            ),
            new(
                OpenApiNames.OwnerReference,
                Object(
                    "An object that this one goes with. It is in the same namespace or in none.",
                    ("apiVersion", Text("Group and version of the owner.")),
                    ("kind", Text("Kind of the owner.")),
                    ("name", Text("Name of the owner.")),
                    ("uid", Text("UID of the owner.")),
                    ("controller", Flag("Whether the owner manages this object.")),
                    ("blockOwnerDeletion", Flag("Whether the owner waits for this object when it is deleted in the foreground."))
                )
            ),
            new(
                OpenApiNames.ManagedFieldsEntry,
                Object(
                    "Fields that one manager owns.",
                    ("apiVersion", Text("The version that the fields are named in.")),
                    ("fieldsType", Text("FieldsV1.")),
                    ("fieldsV1", new JsonObject { ["type"] = "object", ["description"] = "The fields." }),
                    ("manager", Text("Who wrote them.")),
                    ("operation", Text("Apply or Update.")),
                    ("subresource", Text("Through which subresource.")),
                    ("time", Time("When they were written last."))
                )
            ),
            new(
                OpenApiNames.Status,
                Object(
                    "What became of a request.",
                    ("status", Text("Success or Failure.")),
                    ("message", Text("For people.")),
                    ("reason", Text("For programs.")),
                    ("code", Number("The HTTP status code."))
                )
            ),
        ];

    private static JsonObject ObjectMeta(Func<string, JsonObject> reference)
    {
        var schema = Object(
            "ObjectMeta is metadata that every object has.",
            [.. s_object.Select(f => (f.Name, Field(f.Type, f.Description)))]
        );
        var properties = schema["properties"]!.AsObject();
        properties["labels"] = Map("Keys and values by which objects are selected.");
        properties["annotations"] = Map("Keys and values for programs; nothing is selected by them.");
        properties["finalizers"] = List("Who still has to do something before a deleted object goes.", Text(""));
        properties["ownerReferences"] = List("Objects that this one goes with.", reference(OpenApiNames.OwnerReference));
        properties["managedFields"] = List("Who owns which fields. Kept by the server.", reference(OpenApiNames.ManagedFieldsEntry));
        return schema;
    }

    private static JsonObject Object(string description, params (string Name, JsonObject Schema)[] properties) =>
        new()
        {
            ["description"] = description,
            ["type"] = "object",
            ["properties"] = new JsonObject(properties.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)p.Schema))),
        };

    private static JsonObject Field(string type, string description) =>
        type switch
        {
            "integer" => Number(description),
            "date-time" => Time(description),
            _ => Text(description),
        };

    private static JsonObject Text(string description) => new() { ["type"] = "string", ["description"] = description };

    private static JsonObject Flag(string description) => new() { ["type"] = "boolean", ["description"] = description };

    private static JsonObject Number(string description) =>
        new()
        {
            ["type"] = "integer",
            ["format"] = "int64",
            ["description"] = description,
        };

    private static JsonObject Time(string description) =>
        new()
        {
            ["type"] = "string",
            ["format"] = "date-time",
            ["description"] = description,
        };

    private static JsonObject Map(string description) =>
        new()
        {
            ["type"] = "object",
            ["description"] = description,
            ["additionalProperties"] = new JsonObject { ["type"] = "string" },
        };

    private static JsonObject List(string description, JsonObject items) =>
        new()
        {
            ["type"] = "array",
            ["description"] = description,
            ["items"] = items,
        };
}

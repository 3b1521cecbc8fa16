using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Tests.Configuration;

public sealed class CoreSchemaTests
{
    // YAML 1.2.2, section 10.3.2
    [Theory]
    [InlineData("", ScalarKind.Null)]
    [InlineData("~", ScalarKind.Null)]
    [InlineData("NULL", ScalarKind.Null)]
    [InlineData("nUll", ScalarKind.Text)]
    [InlineData("True", ScalarKind.Boolean)]
    [InlineData("yes", ScalarKind.Text)]
    [InlineData("off", ScalarKind.Text)]
    [InlineData("-12", ScalarKind.Integer)]
    [InlineData("0o14", ScalarKind.Integer)]
    [InlineData("0xC", ScalarKind.Integer)]
    [InlineData("1_000", ScalarKind.Text)]
    [InlineData("1e-4", ScalarKind.Real)]
    [InlineData("+12e03", ScalarKind.Real)]
    [InlineData(".5", ScalarKind.Real)]
    [InlineData("5.", ScalarKind.Real)]
    [InlineData("-.INF", ScalarKind.Real)]
    [InlineData(".nan", ScalarKind.Real)]
    [InlineData("12:30:45", ScalarKind.Text)]
    [InlineData("1e", ScalarKind.Text)]
    [InlineData("1\n", ScalarKind.Text)]
    public void Kind_is_the_core_schemas(string text, object kind) => Assert.Equal(kind, CoreSchema.KindOf(text));

    [Theory]
    [InlineData("0o14", 12L)]
    [InlineData("0xC", 12L)]
    [InlineData("+12", 12L)]
    [InlineData("-9223372036854775808", long.MinValue)]
    [InlineData("9223372036854775808", null)]
    [InlineData("0xFFFFFFFFFFFFFFFF", null)]
    [InlineData("0o7777777777777777777777", null)]
    public void Integer_has_its_value_or_none(string text, long? value) => Assert.Equal(value, CoreSchema.Integer(text));

    [Theory]
    [InlineData("1e-4", 0.0001)]
    [InlineData("-.inf", double.NegativeInfinity)]
    [InlineData("0x10", 16.0)]
    [InlineData("5.", 5.0)]
    public void Real_has_its_value(string text, double value) => Assert.Equal(value, CoreSchema.Real(text));
}

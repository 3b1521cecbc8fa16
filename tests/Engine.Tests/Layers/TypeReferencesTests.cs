namespace VoxelZoo.Engine.Tests.Layers;

public sealed class TypeReferencesTests
{
    [Fact]
    public void References_are_found_in_bases_fields_signatures_and_bodies() => Assert.Superset(
        new HashSet<Type>
        {
            typeof(Base), typeof(InList), typeof(InArray), typeof(Returned), typeof(Made), typeof(Asked), typeof(Caught), typeof(Argument),
        },
        TypeReferences.Of(typeof(Knowing)).Select(known => known.Type).ToHashSet());

    [Fact]
    public void Member_that_refers_is_named() =>
        Assert.Equal(nameof(Knowing.Run), TypeReferences.Of(typeof(Knowing)).Single(known => known.Type == typeof(Made)).Member);

    [Fact]
    public void Type_within_a_type_is_in_the_folder_of_the_outer_one() => Assert.Equal("Tests.Layers", TypeReferences.Folder(typeof(Made)));

    [Fact]
    public void Type_of_another_library_is_in_no_folder() => Assert.Null(TypeReferences.Folder(typeof(string)));

    private abstract class Base;

    private sealed class Knowing : Base
    {
        public List<InList> Field = [];

        public Returned? Run(InArray[] parameter)
        {
            try
            {
                return parameter.Length == 0 ? Called<Argument>(new Made()) : null;
            }
            catch (Caught)
            {
                return (object)Field is Asked ? null : new Returned();
            }
        }

        private static Returned? Called<T>(object made) => made is T ? new Returned() : null;
    }

    private sealed class InList;

    private sealed class InArray;

    private sealed class Returned;

    private sealed class Made;

    private sealed class Asked;

    private sealed class Argument;

    private sealed class Caught : Exception;
}

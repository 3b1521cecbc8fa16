using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace VoxelZoo.Tensors.StateDicts;

/// <summary>
/// Reads one pickle of those that <c>torch.save</c> writes. A pickle is a program; of this one only what makes dictionaries, lists,
/// numbers, texts and tensors is obeyed, and no name of it is ever looked up.
/// </summary>
/// <param name="stream">From where; left behind the pickle.</param>
internal sealed class Pickle(Stream stream)
{
    private static readonly object Mark = new();

    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];

    /// <summary>What the pickle makes: dictionaries, lists, tuples, numbers, texts, storages and tensors.</summary>
    /// <exception cref="InvalidDataException">It makes something else, or is none.</exception>
    public object? Read()
    {
        while (true)
        {
            var code = Byte();
            if (code == '.')
                return Pop();
            Obey(code);
        }
    }

    private void Obey(byte code)
    {
        switch ((char)code)
        {
            case '\x80': Byte(); break; // the protocol
            case '\x95': Bytes(8); break; // a frame
            case '(': Push(Mark); break;
            case '0': Pop(); break;
            case 'N': Push(null); break;
            case '\x88': Push(true); break;
            case '\x89': Push(false); break;
            case 'K': Push((long)Byte()); break;
            case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
            case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
            case '\x8a': Push(Whole(Bytes(Byte()))); break;
            case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
            case 'X' or 'T': Push(Encoding.UTF8.GetString(Bytes(Length()))); break;
            case '\x8c' or 'U': Push(Encoding.UTF8.GetString(Bytes(Byte()))); break;
            case 'c': Push(new Global($"{Line()}.{Line()}")); break;
            case '\x93': Push(Named()); break;
            case '}': Push(new Map()); break;
            case ']': Push(new List<object?>()); break;
            case ')': Push(Array.Empty<object?>()); break;
            case 't': Push(PopToMark()); break;
            case '\x85': Push(Popped(1)); break;
            case '\x86': Push(Popped(2)); break;
            case '\x87': Push(Popped(3)); break;
            case 's': SetItems(Popped(2)); break;
            case 'u': SetItems(PopToMark()); break;
            case 'a': Append(Popped(1)); break;
            case 'e': Append(PopToMark()); break;
            case 'q': _memo[Byte()] = _stack[^1]; break;
            case 'r': _memo[Length()] = _stack[^1]; break;
            case '\x94': _memo[_memo.Count] = _stack[^1]; break;
            case 'h': Push(Remembered(Byte())); break;
            case 'j': Push(Remembered(Length())); break;
            case 'Q': Push(SavedNumbers.Of(Pop() as object?[] ?? [])); break;
            case 'R': Reduce(Pop() as object?[] ?? []); break;
            case '\x81': throw Foreign((Popped(2)[0] as Global)?.Name);
            case 'b': Pop(); break; // attributes of a dictionary, such as the versions of modules
            default: throw new InvalidDataException($"its pickle has an instruction 0x{code:x2} that no state dict needs");
        }
    }

    private void Reduce(object?[] arguments)
    {
        var name = (Pop() as Global)?.Name;
        Push(name switch
        {
            "collections.OrderedDict" => new Map(),
            "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor" => Layout.Of(arguments),
            "torch._utils._rebuild_parameter" => arguments[0],
            _ => throw Foreign(name),
        });
    }

    private Global Named()
    {
        var parts = Popped(2);
        return new Global($"{parts[0]}.{parts[1]}");
    }

    private void SetItems(object?[] items)
    {
        var map = Top<Map>();
        for (var i = 0; i + 1 < items.Length; i += 2)
            map.Add((items[i], items[i + 1]));
    }

    private void Append(object?[] items) => Top<List<object?>>().AddRange(items);

    private T Top<T>()
        where T : class => _stack.Count > 0 && _stack[^1] is T top ? top : throw Broken();

    private void Push(object? value) => _stack.Add(value);

    private object? Pop()
    {
        if (_stack.Count == 0)
            throw Broken();
        var top = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] Popped(int count)
    {
        if (_stack.Count < count)
            throw Broken();
        object?[] popped = [.. _stack[^count..]];
        _stack.RemoveRange(_stack.Count - count, count);
        return popped;
    }

    private object?[] PopToMark()
    {
        var mark = _stack.LastIndexOf(Mark);
        if (mark < 0)
            throw Broken();
        var items = Popped(_stack.Count - mark - 1);
        Pop();
        return items;
    }

    private object? Remembered(long key) => _memo.TryGetValue(key, out var value) ? value : throw Broken();

    private int Length() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));

    private static object Whole(byte[] bytes) => bytes.Length <= 8 ? (long)new BigInteger(bytes) : new BigInteger(bytes);

    private byte Byte() => Bytes(1)[0];

    private byte[] Bytes(int count)
    {
        if (count is < 0 or > 1 << 24)
            throw Broken();
        var bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private string Line()
    {
        var line = new List<byte>();
        while (Byte() is var letter && letter != '\n')
            line.Add(letter);
        return Encoding.UTF8.GetString([.. line]);
    }

    private static InvalidDataException Foreign(string? name) =>
        new($"it makes a {name ?? "thing without a name"}, which is no tensor; save the state_dict alone");

    private static InvalidDataException Broken() => new("its pickle is damaged");

    private sealed record Global(string Name)
    {
        public override string ToString() => Name;
    }

    /// <summary>A dictionary in its order.</summary>
    internal sealed class Map : List<(object? Key, object? Value)>;
}

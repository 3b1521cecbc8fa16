namespace Acme.Private;

public static class Answer
{
    public static double Value => 2;
}

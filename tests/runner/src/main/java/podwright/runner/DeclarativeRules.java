package podwright.runner;

import org.codehaus.groovy.ast.CodeVisitorSupport;
import org.codehaus.groovy.ast.expr.ArgumentListExpression;
import org.codehaus.groovy.ast.expr.ClosureExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.ast.expr.TupleExpression;
import org.codehaus.groovy.ast.stmt.BlockStatement;
import org.codehaus.groovy.ast.stmt.ExpressionStatement;
import org.codehaus.groovy.ast.stmt.Statement;

/** What Jenkins refuses in a declarative pipeline before it runs: code among steps, outside of script. */
final class DeclarativeRules extends CodeVisitorSupport {
  private static final java.util.Set<String> CONDITIONS = java.util.Set.of("always", "changed", "fixed",
      "regression", "aborted", "failure", "success", "unstable", "unsuccessful", "cleanup");

  private boolean inside;

  @Override
  public void visitMethodCallExpression(MethodCallExpression call) {
    String name = call.getMethodAsString();
    boolean outer = inside;
    inside |= "pipeline".equals(name) && call.isImplicitThis();
    ClosureExpression body = body(call);
    if (inside && body != null && ("steps".equals(name) || CONDITIONS.contains(name))) {
      check(body);
    } else {
      super.visitMethodCallExpression(call);
    }
    inside = outer;
  }

  private static ClosureExpression body(MethodCallExpression call) {
    Expression arguments = call.getArguments();
    if (!(arguments instanceof ArgumentListExpression || arguments instanceof TupleExpression)) {
      return null;
    }
    var list = ((TupleExpression) arguments).getExpressions();
    return !list.isEmpty() && list.get(list.size() - 1) instanceof ClosureExpression body ? body : null;
  }

  /** Each statement must be a step, and so must each in the body of a step; script takes anything. */
  private static void check(ClosureExpression closure) {
    for (Statement statement : ((BlockStatement) closure.getCode()).getStatements()) {
      if (!(statement instanceof ExpressionStatement single
          && single.getExpression() instanceof MethodCallExpression step)) {
        throw new PipelineError("WorkflowScript: " + statement.getLineNumber() + ": Expected a step @ line "
            + statement.getLineNumber() + ", column " + statement.getColumnNumber() + '.');
      }
      ClosureExpression body = body(step);
      if (body != null && !"script".equals(step.getMethodAsString())) {
        check(body);
      }
    }
  }
}

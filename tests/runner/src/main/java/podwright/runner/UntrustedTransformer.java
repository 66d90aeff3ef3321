package podwright.runner;

import com.cloudbees.groovy.cps.CpsTransformer;
import com.cloudbees.groovy.cps.sandbox.Untrusted;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.ClassCodeExpressionTransformer;
import org.codehaus.groovy.ast.ClassNode;
import org.codehaus.groovy.ast.FieldNode;
import org.codehaus.groovy.ast.MethodNode;
import org.codehaus.groovy.ast.expr.CastExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.VariableExpression;
import org.codehaus.groovy.ast.stmt.Statement;
import org.codehaus.groovy.classgen.GeneratorContext;
import org.codehaus.groovy.control.SourceUnit;
import org.kohsuke.groovy.sandbox.SandboxTransformer;

/**
 * Compiles code for the sandbox: calls in CPS code are tagged as untrusted, so that they go through the
 * sandbox's invoker; code that is not CPS-transformed gets the checks of groovy-sandbox compiled in.
 *
 * <p>groovy-cps has a class for this, but it needs a later groovy-sandbox than Maven Central has.
 */
@SuppressWarnings("rawtypes") // so is the method that tells the tag
final class UntrustedTransformer extends CpsTransformer {
  private final SandboxTransformer checks = new SandboxTransformer();
  private ClassCodeExpressionTransformer plainCode;

  @Override
  public void call(SourceUnit source, GeneratorContext context, ClassNode type) {
    plainCode = checks.createVisitor(source, type);
    super.call(source, context, type);
  }

  @Override
  protected Class getTrustTag() {
    return Untrusted.class;
  }

  @Override
  protected void processConstructors(ClassNode type) {
    checks.processConstructors(plainCode, type);
  }

  @Override
  public void visitMethod(MethodNode method) {
    if (method.getName().equals("finalize") && method.getParameters().length == 0) {
      throw new SecurityException(
          "Sandboxed code may not override Object.finalize() (line " + method.getLineNumber() + ")");
    }
    super.visitMethod(method);
  }

  @Override
  protected void visitNontransformedMethod(MethodNode method) {
    plainCode.visitMethod(method);
  }

  @Override
  protected void visitNontransformedField(FieldNode field) {
    plainCode.visitField(field);
  }

  @Override
  protected void visitNontransformedStatement(Statement statement) {
    statement.visit(plainCode);
  }

  @Override
  public void visitCastExpression(CastExpression cast) {
    checkedCast(cast, cast.getExpression(), cast.getType(), cast.isIgnoringAutoboxing(),
        cast.isCoerce(), cast.isStrict());
  }

  @Override
  protected void visitAssignmentOrCast(VariableExpression variable, Expression value) {
    // a typed variable may call a constructor by the way, as in: File f = ['/etc/passwd']
    if (SandboxTransformer.mightBePositionalArgumentConstructor(variable)) {
      checkedCast(variable, value, variable.getType(), false, true, false);
    } else {
      super.visitAssignmentOrCast(variable, value);
    }
  }

  private void checkedCast(ASTNode place, Expression value, ClassNode type,
      boolean ignoreAutoboxing, boolean coerce, boolean strict) {
    makeNode("sandboxCastOrCoerce", () -> {
      loc(place);
      visit(value);
      literal(type);
      literal(ignoreAutoboxing);
      literal(coerce);
      literal(strict);
    });
  }
}

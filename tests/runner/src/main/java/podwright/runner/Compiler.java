package podwright.runner;

import com.cloudbees.groovy.cps.CpsTransformer;
import com.cloudbees.groovy.cps.NonCPS;
import com.cloudbees.groovy.cps.TransformerConfiguration;
import com.cloudbees.groovy.cps.impl.CpsClosure;
import groovy.lang.Binding;
import groovy.lang.GroovyClassLoader;
import groovy.lang.GroovyCodeSource;
import groovy.lang.Script;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.AnnotatedNode;
import org.codehaus.groovy.ast.AnnotationNode;
import org.codehaus.groovy.ast.ClassCodeVisitorSupport;
import org.codehaus.groovy.ast.ClassNode;
import org.codehaus.groovy.ast.ImportNode;
import org.codehaus.groovy.ast.ModuleNode;
import org.codehaus.groovy.ast.expr.ConstantExpression;
import org.codehaus.groovy.ast.expr.DeclarationExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.ListExpression;
import org.codehaus.groovy.classgen.GeneratorContext;
import org.codehaus.groovy.control.CompilePhase;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.control.MultipleCompilationErrorsException;
import org.codehaus.groovy.control.SourceUnit;
import org.codehaus.groovy.control.customizers.CompilationCustomizer;
import org.codehaus.groovy.control.customizers.ImportCustomizer;
import org.jenkinsci.plugins.workflow.libs.Library;

/** Compiles the Jenkinsfile and the libraries as Jenkins does: CPS-transformed, and sandboxed. */
final class Compiler {
  private static final String DECLARATIVE = "/podwright/runner/Declarative.groovy";

  private final Options options;
  private final Consumer<String> log;
  private final Consumer<Path> checkedOut;
  private final List<Path> loaded = new ArrayList<>();
  private final GroovyClassLoader libraryLoader;
  private final GroovyClassLoader scriptLoader;
  private final GroovyClassLoader runnerLoader;
  private final Sandbox sandbox;

  /**
   * Compiles for one build.
   *
   * @param log takes lines
   * @param checkedOut is told of each library that is loaded
   */
  Compiler(Options options, Consumer<String> log, Consumer<Path> checkedOut) {
    this.options = options;
    this.log = log;
    this.checkedOut = checkedOut;
    this.sandbox = options.sandbox || options.sandboxLibraries ? new Sandbox() : null;
    ClassLoader own = Compiler.class.getClassLoader();
    runnerLoader = new GroovyClassLoader(own, configuration(false));
    libraryLoader = new GroovyClassLoader(runnerLoader, configuration(options.sandboxLibraries));
    scriptLoader = new GroovyClassLoader(libraryLoader, configuration(options.sandbox));
  }

  /** Returns the sandbox, or null when everything is trusted. */
  Sandbox sandbox() {
    return sandbox;
  }

  ClassLoader classLoader() {
    return scriptLoader;
  }

  /** Compiles the pipeline and loads the libraries that it asks for. */
  Script jenkinsfile(Path file) throws IOException {
    for (var library : options.libraries.entrySet()) {
      if (library.getValue().implicit) {
        load(library.getKey());
      }
    }
    String text = Files.readString(file, StandardCharsets.UTF_8);
    GroovyCodeSource source = new GroovyCodeSource(text, "WorkflowScript", "/podwright/pipeline");
    try {
      return newScript(scriptLoader.parseClass(source, false));
    } catch (MultipleCompilationErrorsException e) {
      throw own(e);
    }
  }

  /** Returns our own failure where the compiler has wrapped one, else what the compiler says. */
  private static RuntimeException own(MultipleCompilationErrorsException failure) {
    for (int i = 0; i < failure.getErrorCollector().getErrorCount(); i++) {
      Exception cause = failure.getErrorCollector().getException(i);
      if (cause instanceof PipelineError || cause instanceof SecurityException) {
        return new PipelineError(cause.getMessage());
      }
    }
    return failure;
  }

  /** Returns a new instance of a script in vars/, or null when no loaded library has it. */
  Object newVariable(String name) {
    try {
      if (name.equals("pipeline")) {
        return newScript(declarative());
      }
      for (Path library : loaded) {
        if (Files.isRegularFile(library.resolve("vars").resolve(name + ".groovy"))) {
          return newScript(libraryLoader.loadClass(name));
        }
      }
    } catch (ClassNotFoundException | IOException e) {
      throw new PipelineError("The global variable " + name + " cannot be loaded: " + e);
    }
    return null;
  }

  private Class<?> declarative() throws IOException {
    for (Class<?> known : runnerLoader.getLoadedClasses()) {
      if (known.getName().equals("Declarative")) {
        return known;
      }
    }
    try (var in = Compiler.class.getResourceAsStream(DECLARATIVE)) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return runnerLoader.parseClass(
          new GroovyCodeSource(text, "Declarative.groovy", "/podwright/runner"), true);
    }
  }

  /** Returns the content of a file in resources/ of the loaded libraries. */
  byte[] resource(String path) throws IOException {
    List<Path> found = new ArrayList<>();
    for (Path library : loaded) {
      Path root = library.resolve("resources").toAbsolutePath().normalize();
      Path file = root.resolve(path).normalize();
      if (!path.startsWith("/") && file.startsWith(root) && Files.isRegularFile(file)) {
        found.add(file);
      }
    }
    if (found.isEmpty()) {
      throw new hudson.AbortException("No such library resource " + path + " could be found.");
    }
    if (found.size() > 1) {
      throw new hudson.AbortException(
          "Library resource " + path + " ambiguous among libraries " + found);
    }
    return Files.readAllBytes(found.get(0));
  }

  private Script newScript(Class<?> type) {
    try {
      Script script = (Script) type.getDeclaredConstructor().newInstance();
      script.setBinding(new Binding());
      return script;
    } catch (ReflectiveOperationException e) {
      throw new PipelineError("Cannot create " + type.getName() + ": " + e);
    }
  }

  /** Loads a library by its name, given with or without a version, unless that is done already. */
  void load(String nameAndVersion) {
    String name = nameAndVersion.replaceFirst("@.*", "");
    Options.LibrarySource source = options.libraries.get(name);
    if (source == null) {
      throw new PipelineError("No library named " + name + " found: give it by --library " + name
          + "=DIR.");
    }
    Path directory = source.directory.toAbsolutePath().normalize();
    if (loaded.contains(directory)) {
      return;
    }
    log.accept("Loading library " + nameAndVersion + " from " + directory);
    checkedOut.accept(directory);
    try {
      checkNoSymlinks(directory);
      boolean any = false;
      for (String part : List.of("src", "vars")) {
        if (hasCode(directory.resolve(part))) {
          libraryLoader.addURL(directory.resolve(part).toUri().toURL());
          any = true;
        }
      }
      if (!any) {
        throw new PipelineError("Library " + name + " expected to contain at least one of src or "
            + "vars directories");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    loaded.add(directory);
  }

  /**
   * Jenkins copies src/**.groovy, vars/*.groovy and vars/*.txt, and resources/ as a whole: what remains of
   * a library without any of the first three has no directory that counts.
   */
  private static boolean hasCode(Path part) throws IOException {
    boolean vars = part.endsWith("vars");
    if (!Files.isDirectory(part)) {
      return false;
    }
    try (var files = Files.walk(part, vars ? 1 : Integer.MAX_VALUE)) {
      return files.map(Path::toString).anyMatch(
          name -> name.endsWith(".groovy") || vars && name.endsWith(".txt"));
    }
  }

  /** Jenkins aborts the loading of a library that contains one. */
  private static void checkNoSymlinks(Path directory) throws IOException {
    for (String part : List.of("src", "vars", "resources")) {
      if (!Files.isDirectory(directory.resolve(part))) {
        continue;
      }
      try (var files = Files.walk(directory.resolve(part))) {
        files.filter(Files::isSymbolicLink).findFirst().ifPresent(link -> {
          throw new PipelineError("Library contains the symbolic link " + link
              + ", which Jenkins refuses to load: replace it by a file.");
        });
      }
    }
  }

  private CompilerConfiguration configuration(boolean sandboxed) {
    CompilerConfiguration configuration = new CompilerConfiguration();
    configuration.setSourceEncoding("UTF-8");
    configuration.setScriptBaseClass(PipelineScript.class.getName());
    ImportCustomizer imports = new ImportCustomizer();
    imports.addImports(NonCPS.class.getName(), Library.class.getName());
    imports.addStarImports("hudson.model", "jenkins.model");
    CpsTransformer transformer = sandboxed ? new UntrustedTransformer() : new CpsTransformer();
    transformer.setConfiguration(new TransformerConfiguration().withClosureType(CpsClosure.class));
    configuration.addCompilationCustomizers(imports, new LibraryFinder(), transformer);
    return configuration;
  }

  /** Loads the libraries named by annotations, before names of classes are resolved. */
  private final class LibraryFinder extends CompilationCustomizer {
    LibraryFinder() {
      super(CompilePhase.CONVERSION);
    }

    @Override
    public void call(SourceUnit source, GeneratorContext context, ClassNode type) {
      if (!type.isScript()) {
        return;
      }
      ModuleNode module = source.getAST();
      module.getStatementBlock().visit(new DeclarativeRules());
      for (ImportNode node : module.getImports()) {
        node.getAnnotations().forEach(this::visit);
      }
      if (module.getPackage() != null) {
        module.getPackage().getAnnotations().forEach(this::visit);
      }
      new ClassCodeVisitorSupport() {
        @Override
        public void visitAnnotations(AnnotatedNode node) {
          node.getAnnotations().forEach(LibraryFinder.this::visit);
        }

        @Override
        public void visitDeclarationExpression(DeclarationExpression expression) {
          visitAnnotations(expression);
          super.visitDeclarationExpression(expression);
        }

        @Override
        protected SourceUnit getSourceUnit() {
          return source;
        }
      }.visitClass(type);
    }

    private void visit(AnnotationNode annotation) {
      if (annotation.getClassNode().getNameWithoutPackage().equals("Library")) {
        names(annotation.getMember("value"));
      }
    }

    private void names(Expression value) {
      if (value instanceof ListExpression list) {
        list.getExpressions().forEach(this::names);
      } else if (value instanceof ConstantExpression constant) {
        load(constant.getText());
      } else {
        throw new PipelineError("@Library needs constant names" + place(value) + '.');
      }
    }

    private String place(ASTNode node) {
      return node == null ? "" : " (line " + node.getLineNumber() + ")";
    }
  }
}

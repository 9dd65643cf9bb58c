/* What the platform adds to Flower's pages: switches with a confirm step, links to jobs, states. */
var platform = (function ($) {
  'use strict';

  var SAID = 'platform-said';

  /* A template's content goes to its place on Flower's page. */
  document.querySelectorAll('template[data-into]').forEach(function (template) {
    var target = document.querySelector(template.dataset.into);
    if (target) {
      target[template.dataset.where](template.content.cloneNode(true));
    }
  });

  function say(message, kind) {
    var box = document.createElement('div'), close = document.createElement('button');
    box.className = 'platform-said alert alert-dismissible alert-' + (kind || 'success');
    box.setAttribute('role', 'status');
    box.textContent = message;
    close.type = 'button';
    close.className = 'btn-close';
    close.setAttribute('data-bs-dismiss', 'alert');
    close.setAttribute('aria-label', 'Close');
    box.append(close);
    document.body.append(box);
  }

  /* The page is loaded anew after a deed; what was done is said then. */
  if (sessionStorage.getItem(SAID)) {
    say(sessionStorage.getItem(SAID));
    sessionStorage.removeItem(SAID);
  }

  var element = document.getElementById('platform-confirm'),
    form = element.querySelector('form'),
    reason = document.getElementById('platform-reason'),
    error = document.getElementById('platform-confirm-error'),
    button = document.getElementById('platform-confirm-do'),
    needsReason = false;

  function complain(text) {
    error.textContent = text;
    error.hidden = !text;
  }

  $(document).on('click', '[data-control]', function () {
    var asked = this.dataset;
    needsReason = asked.reason === '1';
    form.action = asked.control;
    form.reset();
    complain('');
    button.disabled = false;
    button.textContent = asked.verb;
    document.getElementById('platform-confirm-title').textContent = asked.title;
    document.getElementById('platform-confirm-text').textContent = asked.text;
    document.getElementById('platform-confirm-reason').hidden = !needsReason;
    bootstrap.Modal.getOrCreateInstance(element).show();
  });

  element.addEventListener('shown.bs.modal', function () {
    (needsReason ? reason : button).focus();
  });

  form.addEventListener('submit', function (event) {
    event.preventDefault();
    if (needsReason && !reason.value.trim()) {
      complain('Say why, in a few words.');
      reason.focus();
      return;
    }
    button.disabled = true;
    complain('');
    /* Flower's script adds the XSRF token to every POST. */
    $.ajax({type: 'POST', url: form.action, data: {reason: reason.value}, timeout: 20000})
      .done(function (answer) {
        sessionStorage.setItem(SAID, answer.message);
        location.reload();
      })
      .fail(function (answer) {
        button.disabled = false;
        complain(answer.responseText || 'Flower does not answer. Look again before you repeat it.');
      });
  });

  function part(page, name) {
    var selector = '[data-refresh="' + name + '"]', found = page.querySelector(selector);
    page.querySelectorAll('template').forEach(function (template) {
      found = found || template.content.querySelector(selector);
    });
    return found;
  }

  /* Replaces the parts that change; a server that does not answer leaves them as they are. */
  function refreshEvery(milliseconds) {
    setInterval(function () {
      if (document.hidden) {
        return;
      }
      $.get({url: location.pathname, dataType: 'html'}).done(function (text) {
        var page = new DOMParser().parseFromString(text, 'text/html');
        document.querySelectorAll('[data-refresh]').forEach(function (old) {
          var fresh = part(page, old.dataset.refresh);
          if (fresh) {
            old.replaceWith(document.importNode(fresh, true));
          }
        });
      });
    }, milliseconds);
  }

  function badge(text, state) {
    var made = document.createElement('span');
    made.className = 'badge platform-' + state;
    made.textContent = text;
    return made;
  }

  /* Under each worker's name: its queue, pool, host and state. */
  function describeWorkers(table, milliseconds) {
    var fleet = {workers: {}, paused: {}};

    function describe(link) {
      var name = link.title, worker = fleet.workers[name], line = document.createElement('span');
      if (!worker || link.parentNode.querySelector('.platform-worker')) {
        return;
      }
      line.className = 'platform-worker';
      line.append([worker.queue, worker.pool, worker.host_kind.toUpperCase()].join(' · ') + ' ');
      if (worker.alive && worker.state && worker.state !== 'working') {
        line.append(badge(worker.state, worker.state), ' ');
      } else if (worker.alive && fleet.paused[worker.queue]) {
        line.append(badge('paused', 'paused'), ' ');
      }
      worker.current.forEach(function (job, index) {
        line.append((index ? ', ' : '') + job.kind);
      });
      link.after(line);
    }

    function draw() {
      table.querySelectorAll('tbody a.worker-name-link').forEach(describe);
    }

    function load() {
      $.getJSON('/platform/fleet').done(function (answer) {
        fleet = answer;
        table.querySelectorAll('.platform-worker').forEach(function (line) { line.remove(); });
        draw();
      });
    }

    $(table).on('draw.dt', draw);
    load();
    setInterval(load, milliseconds);
  }

  /* Behind each task's id: the page of its job. */
  function linkJobs(table, pages) {
    if (!pages) {
      return;
    }
    $(table).on('draw.dt', function () {
      table.querySelectorAll('tbody tr[id]').forEach(function (row) {
        var task = row.querySelector('a[href*="/task/"]'), link = document.createElement('a');
        if (!task || row.querySelector('.platform-job')) {
          return;
        }
        link.className = 'platform-job';
        link.href = pages + encodeURIComponent(row.id);
        link.textContent = 'job';
        link.title = 'The page of this job';
        task.after(link);
      });
    });
  }

  return {
    describeWorkers: describeWorkers,
    linkJobs: linkJobs,
    refreshEvery: refreshEvery,
    say: say
  };
}(jQuery));
